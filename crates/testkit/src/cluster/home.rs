//! A home directory that nothing of the machine's user gets into.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

/// How much of a log is printed when a test fails, in bytes.
const LOG_TAIL: usize = 8 * 1024;

/// A temporary directory with everything that a user's account has: home, config, data, a directory to work in.
///
/// Its name is in the command line or the environment of every process that a test starts, directly or not; by it
/// they are found.
pub struct Home {
    root: TempDir,
}

impl Home {
    pub(super) fn create() -> Result<Self> {
        // Short, because a unix socket's path may have 107 bytes.
        let root = tempfile::Builder::new().prefix("convene-e2e-").tempdir()?;
        let home = Self { root };
        for directory in [home.work(), home.path("tmp"), home.config_file().with_file_name("")] {
            fs::create_dir_all(directory)?;
        }
        Ok(home)
    }

    /// Leaves it where it is when the test is over.
    pub(super) fn keep(&mut self) {
        self.root.disable_cleanup(true);
    }

    /// The directory of everything.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// What no other test's processes have in their command line or environment.
    pub fn name(&self) -> String {
        self.root().file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// Where sessions work.
    pub fn work(&self) -> PathBuf {
        self.path("home/work")
    }

    /// The config file.
    pub fn config_file(&self) -> PathBuf {
        self.path("home/.config/convene/config.toml")
    }

    pub(super) fn receipts(&self) -> PathBuf {
        self.path("receipts")
    }

    pub(super) fn log_file(&self, name: &str) -> PathBuf {
        self.path(&format!("{name}.log"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    pub(super) fn write_config(&self, extra: &str, agents: &[(String, Vec<String>)]) -> Result<()> {
        let mut text = format!("{extra}\n");
        for (name, command) in agents {
            // A JSON array of strings is a TOML one too.
            writeln!(text, "[agents.{name}]\ncommand = {}\n", serde_json::to_string(command)?)?;
        }
        Ok(fs::write(self.config_file(), text)?)
    }

    /// The owner's token, which the server writes at its start.
    pub fn owner_token(&self) -> Result<String> {
        let path = self.data().join("auth/token");
        let text = fs::read_to_string(&path).with_context(|| format!("no token in {}", path.display()))?;
        Ok(text.trim().to_owned())
    }

    /// The prompts that agents received, each as its text.
    pub(super) fn read_receipts(&self) -> Result<Vec<String>> {
        let text = match fs::read_to_string(self.receipts()) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        text.lines()
            .map(|line| {
                let (_, prompt) = line.split_once('\t').with_context(|| format!("{line:?} is no receipt"))?;
                Ok(serde_json::from_str(prompt)?)
            })
            .collect()
    }

    /// A command in this home, with nothing of the environment of the test.
    pub fn command(&self, binary: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(binary);
        command.args(args).current_dir(self.work()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
            .env("HOME", self.path("home"))
            .env("TMPDIR", self.path("tmp"))
            .env("USER", "tester")
            .env("LANG", "C.UTF-8");
        command.env("XDG_CONFIG_HOME", self.path("home/.config")).env("XDG_DATA_HOME", self.path("home/.local/share"));
        command.env("XDG_CACHE_HOME", self.path("home/.cache")).env("XDG_STATE_HOME", self.path("home/.local/state"));
        // What is not installed here is not there: no test waits for a package.
        command.env("CONVENE_DATA_DIR", self.data()).env("CONVENE_WORKER_DOWNLOADS", "false");
        if let Some(backtrace) = std::env::var_os("RUST_BACKTRACE") {
            command.env("RUST_BACKTRACE", backtrace);
        }
        command
    }

    /// Prints the ends of all logs, of attempts too, for a test that failed.
    pub(super) fn print_logs(&self) {
        let mut files = files_below(self.root(), 1, "log");
        files.extend(files_below(&self.data().join("run"), 3, "stderr"));
        for file in files {
            let bytes = fs::read(&file).unwrap_or_default();
            let tail = &bytes[bytes.len().saturating_sub(LOG_TAIL)..];
            if !tail.is_empty() {
                eprintln!("--- {} ---\n{}", file.display(), String::from_utf8_lossy(tail));
            }
        }
    }
}

/// Files whose name ends so, down to a depth.
fn files_below(directory: &Path, depth: usize, end: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut found = Vec::new();
    for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        if path.is_dir() && depth > 1 {
            found.extend(files_below(&path, depth - 1, end));
        } else if path.is_file() && path.to_string_lossy().ends_with(end) {
            found.push(path);
        }
    }
    found.sort();
    found
}
