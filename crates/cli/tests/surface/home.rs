//! A home of its own without a server, and commands in it that start none.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use convene_testkit::cluster::{Builder, Cluster};
use serde_json::Value;

/// A home, which goes with it.
pub struct Home {
    dir: tempfile::TempDir,
}

/// What a command said, with the home's name taken out.
#[must_use = "look at what was said, or at the exit code"]
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Home {
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a directory") }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The data directory, which nobody made.
    pub fn data(&self) -> PathBuf {
        self.path(".local/share/convene")
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("it has one")).expect("a directory");
        std::fs::write(&path, text).expect("a file");
        path
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_convene"));
        command
            .env_clear()
            .env("HOME", self.dir.path())
            .env("PATH", "/usr/bin:/bin")
            .env("CONVENE_CLIENT_AUTOSTART", "false")
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .args(args);
        command
    }

    pub fn run(&self, args: &[&str]) -> Said {
        said(self.command(args).output().expect("it runs"), self.dir.path())
    }

    pub fn run_with(&self, args: &[&str], variables: &[(&str, &str)]) -> Said {
        let output = self.command(args).envs(variables.iter().copied()).output().expect("it runs");
        said(output, self.dir.path())
    }
}

/// An output as text.
pub fn said(output: Output, home: &Path) -> Said {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8").replace(&home.display().to_string(), "HOME");
    Said { code: output.status.code().expect("an exit code"), stdout: text(output.stdout), stderr: text(output.stderr) }
}

impl Said {
    /// Standard output as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The problem on standard error, in one line.
    pub fn problem(&self) -> Value {
        let line = self.stderr.lines().last().unwrap_or_default();
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A cluster of the binary under test.
pub fn cluster() -> Builder {
    Cluster::of(env!("CARGO_BIN_EXE_convene"))
}

/// Runs a command in a cluster's home.
pub fn run(cluster: &Cluster, args: &[&str]) -> Said {
    let output = cluster.command(args).stdin(Stdio::null()).output().expect("it runs");
    said(output, cluster.home().root())
}
