//! Breaks the product on purpose, one line at a time in a copy of it, and sees whether the simulator tells:
//! `cargo xtask mutants`. What the tests in `crates/engine/tests/planted.rs` show with bugs at the engine's seams, this
//! shows with the code itself; each mutant is a build, so it is for a night.

mod list;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

use crate::workspace::{Workspace, cargo};
use list::{MUTANTS, Mutant};

/// What has to tell: the stories in memory, some fifty of them.
const STORIES: &str = "stories_in_memory";

/// Breaks what is named, or everything, and tells whether all of it was found.
pub fn run(workspace: &Workspace, names: &[&str]) -> Result<Option<bool>> {
    let wanted: Vec<&Mutant> = MUTANTS.iter().filter(|m| names.is_empty() || names.contains(&m.name)).collect();
    if wanted.len() < names.len() {
        let known: Vec<&str> = MUTANTS.iter().map(|mutant| mutant.name).collect();
        eprintln!("Mutants: {}", known.join(" "));
        return Ok(None);
    }
    let copy = Copy::of(workspace)?;
    eprintln!("==> as it is");
    copy.build()?;
    let (told, took) = copy.tell()?;
    ensure!(told.is_none(), "the simulator finds something without any mutant: {}", told.unwrap_or_default());
    eprintln!("<== nothing, in {:.1} s", took.as_secs_f64());
    let mut all = true;
    for mutant in wanted {
        eprintln!("==> {}: {}", mutant.name, mutant.what);
        copy.plant(mutant)?;
        copy.build().with_context(|| format!("mutant {}", mutant.name))?;
        let (told, took) = copy.tell()?;
        copy.restore(mutant)?;
        match told {
            Some(why) => eprintln!("<== found in {:.1} s: {why}", took.as_secs_f64()),
            None => {
                eprintln!("<== NOT FOUND in {:.1} s", took.as_secs_f64());
                all = false;
            }
        }
    }
    Ok(Some(all))
}

/// A copy of the workspace to break, with a target directory of its own.
struct Copy {
    root: PathBuf,
    target: PathBuf,
    files: BTreeMap<String, String>,
}

impl Copy {
    fn of(workspace: &Workspace) -> Result<Self> {
        let target = workspace.root.join("target/mutants");
        let root = target.join("copy");
        let mut files = workspace.files()?;
        files.retain(|name, _| {
            let sources = ["crates/", "xtask/", ".cargo/"].iter().any(|folder| name.starts_with(folder));
            sources || matches!(name.as_str(), "Cargo.toml" | "Cargo.lock" | "rust-toolchain.toml")
        });
        let copy = Self { root, target, files };
        for name in copy.files.keys() {
            copy.write(name, &copy.files[name])?;
        }
        Ok(copy)
    }

    /// Writes what is not written so already: what has not changed is not built again.
    fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.root.join(name);
        if fs::read_to_string(&path).is_ok_and(|there| there == text) {
            return Ok(());
        }
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
        fs::write(&path, text).with_context(|| path.display().to_string())
    }

    fn plant(&self, mutant: &Mutant) -> Result<()> {
        let text = self.files.get(mutant.file).with_context(|| format!("{}: no such file", mutant.file))?;
        let there = text.matches(mutant.from).count();
        ensure!(there == 1, "{}: the line of mutant {} is there {there} times", mutant.file, mutant.name);
        self.write(mutant.file, &text.replace(mutant.from, mutant.to))
    }

    fn restore(&self, mutant: &Mutant) -> Result<()> {
        self.write(mutant.file, &self.files[mutant.file])
    }

    fn build(&self) -> Result<()> {
        let status = self.cargo().args(["--no-run", "--quiet"]).status()?;
        ensure!(status.success(), "it does not build");
        Ok(())
    }

    /// Tells the stories; what was found, and how long it took.
    fn tell(&self) -> Result<(Option<String>, Duration)> {
        let begun = Instant::now();
        let output = self.cargo().args(["--quiet", "--", "--exact", STORIES]).stderr(Stdio::null()).output()?;
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        let found = told.lines().find(|line| line.starts_with("CONVENE_SIM_SEED=")).map(str::to_owned);
        ensure!(found.is_some() != output.status.success(), "the stories are not told: {told}");
        Ok((found.map(|line| line.chars().take(200).collect()), begun.elapsed()))
    }

    fn cargo(&self) -> Command {
        let mut cargo = cargo();
        cargo.current_dir(&self.root).env("CARGO_TARGET_DIR", &self.target);
        cargo.args(["test", "-p", "convene-engine", "--test", "simulation"]);
        cargo
    }
}
