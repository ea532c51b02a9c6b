//! Knows the workspace as cargo and git see it: its crates, their dependencies, its files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// The crates of this repository and where they are.
pub struct Workspace {
    pub root: PathBuf,
    pub packages: Vec<Package>,
}

#[derive(Deserialize)]
pub struct Package {
    pub name: String,
    pub manifest_path: PathBuf,
    pub dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
pub struct Dependency {
    pub name: String,
    /// Nothing for an ordinary dependency, else `dev` or `build`.
    pub kind: Option<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: PathBuf,
}

impl Workspace {
    pub fn load() -> Result<Self> {
        let output = cargo()
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .stderr(Stdio::inherit())
            .output()
            .context("cargo metadata")?;
        ensure!(output.status.success(), "cargo metadata: {}", output.status);
        let metadata: Metadata = serde_json::from_slice(&output.stdout).context("cargo metadata's answer")?;
        Ok(Self { root: metadata.workspace_root, packages: metadata.packages })
    }

    /// Text files of the repository by path: committed ones and new ones that are not ignored.
    pub fn files(&self) -> Result<BTreeMap<String, String>> {
        let output = Command::new("git")
            .current_dir(&self.root)
            .args(["ls-files", "-z", "--cached", "--others"])
            .arg("--exclude-standard")
            .stderr(Stdio::inherit())
            .output()
            .context("git ls-files")?;
        ensure!(output.status.success(), "git ls-files: {}", output.status);
        let mut files = BTreeMap::new();
        for name in output.stdout.split(|byte| *byte == 0) {
            let Ok(name) = std::str::from_utf8(name) else {
                continue;
            };
            // A file that git still lists but somebody has just removed, or that is no text.
            if let Ok(text) = fs::read_to_string(self.root.join(name))
                && !name.is_empty()
            {
                files.insert(name.to_owned(), text);
            }
        }
        Ok(files)
    }
}

impl Package {
    /// The folder of the package, from the root of the workspace.
    pub fn folder<'a>(&'a self, root: &Path) -> Option<&'a Path> {
        self.manifest_path.parent()?.strip_prefix(root).ok()
    }
}

/// The cargo that runs us.
pub fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}
