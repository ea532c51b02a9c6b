//! Builds the dashboard with npm: once for each state of its sources, whoever asks, and one at a time.

use std::{
    ffi::OsString,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::sources;

/// What to do without Node.
pub const WITHOUT: &str = "Without the dashboard: cargo build --no-default-features \
     (or: cargo install --path crates/cli --no-default-features)";

/// The oldest Node that builds it.
const NODE: (u32, u32) = (20, 19);

/// How many lines of a command that failed are shown, of the first and of the last ones: npm says first what is wrong,
/// Vite last.
const SHOWN: usize = 15;

/// The programs that build it.
pub struct Tools {
    /// Node.
    pub node: OsString,
    /// Its package manager.
    pub npm: OsString,
}

impl Default for Tools {
    fn default() -> Self {
        Self { node: "node".into(), npm: "npm".into() }
    }
}

/// The dashboard as it was built. Nobody builds it anew while this is there.
pub struct Made {
    /// The directory that it is in.
    pub dist: PathBuf,
    _lock: Option<File>,
}

/// Why there is none.
#[derive(Debug)]
pub struct Failure {
    /// One sentence.
    pub said: String,
    /// What the command said that failed.
    pub output: Vec<String>,
}

impl Failure {
    /// A failure without output.
    pub fn new(said: impl Into<String>) -> Self {
        Self { said: said.into(), output: Vec::new() }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::new(format!("the dashboard cannot be read or written: {error}"))
    }
}

/// Builds the dashboard in `web`, unless what is there is of the same sources. `packer` is the script that compresses it.
///
/// # Errors
/// If Node or npm are missing or too old, or fail.
pub fn make(web: &Path, packer: &Path, tools: &Tools) -> Result<Made, Failure> {
    let dist = web.join("dist");
    let stamp = dist.join(".stamp");
    // A tree that cannot be written has nobody who builds in it.
    let lock = File::create(web.join(".build.lock")).ok();
    if let Some(lock) = &lock {
        lock.lock()?;
    }
    let wanted = sources::hash(web, packer)?;
    let is_fresh = fs::read_to_string(&stamp).is_ok_and(|of| of == wanted) && dist.join("index.html").is_file();
    if !is_fresh {
        check(tools)?;
        if !is_installed(web)? {
            run(web, &tools.npm, install(web))?;
        }
        run(web, &tools.npm, &["run", "build"])?;
        if !dist.join("index.html").is_file() {
            return Err(Failure::new("`npm run build` in web/ left no dist/index.html"));
        }
        run(web, &tools.node, &[&packer.to_string_lossy(), &dist.to_string_lossy()])?;
        // Of the sources as they were before: whoever changed one meanwhile is built next time.
        fs::write(&stamp, wanted)?;
    }
    Ok(Made { dist, _lock: lock })
}

/// Whether Node and npm are there, and not too old.
fn check(tools: &Tools) -> Result<(), Failure> {
    let (major, minor) = NODE;
    let needs = format!("the dashboard is built with Node {major}.{minor} or newer and npm");
    let version =
        version(&tools.node).ok_or_else(|| Failure::new(format!("{needs}; there is no `node`. {WITHOUT}")))?;
    let mut parts = version.trim_start_matches('v').split('.').map(|part| part.parse().unwrap_or(0));
    if (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) < NODE {
        return Err(Failure::new(format!("{needs}; this is Node {version}. {WITHOUT}")));
    }
    match self::version(&tools.npm) {
        Some(_) => Ok(()),
        None => Err(Failure::new(format!("{needs}; there is no `npm`. {WITHOUT}"))),
    }
}

fn version(program: &OsString) -> Option<String> {
    let output = Command::new(program).arg("--version").stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Whether the packages are there that the lock file names: npm writes down what it installed.
fn is_installed(web: &Path) -> io::Result<bool> {
    let wanted = fs::metadata(web.join("package-lock.json"))?.modified()?;
    match fs::metadata(web.join("node_modules/.package-lock.json")) {
        // `npm install` writes both at once, in either order.
        Ok(installed) => Ok(installed.modified()? + std::time::Duration::from_secs(2) >= wanted),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// How packages are installed: without what only tests and checks need, and running nothing of theirs. Whoever has those
/// develops the dashboard, and keeps them.
fn install(web: &Path) -> &'static [&'static str] {
    let installed = fs::read_to_string(web.join("node_modules/.package-lock.json")).unwrap_or_default();
    match installed.contains("\"dev\": true") {
        // NODE_ENV=production alone would leave them out.
        true => &["ci", "--include=dev", "--no-audit", "--no-fund"],
        false => &["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"],
    }
}

fn run(web: &Path, program: &OsString, arguments: &[&str]) -> Result<(), Failure> {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(web).stdin(Stdio::null());
    // What cargo sets for this script is not meant for it, and whoever develops may have the other mode set.
    command.env_remove("DEBUG").env("NODE_ENV", "production").env("NO_COLOR", "1");
    let said = format!("{} {}", program.to_string_lossy(), arguments.join(" "));
    let output = command.output().map_err(|error| Failure::new(format!("{said} does not start: {error}")))?;
    let status = output.status;
    if status.success() {
        return Ok(());
    }
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let shown = |(number, _): &(usize, &&str)| *number < SHOWN || *number + SHOWN >= lines.len();
    let output = lines.iter().enumerate().filter(shown).map(|(_, line)| (*line).to_owned()).collect();
    Err(Failure { said: format!("`{said}` in web/ failed ({status}). {WITHOUT}"), output })
}
