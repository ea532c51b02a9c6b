//! A disk that fails at the N-th call, for real processes: the plan for `crates/fault-shim`, and what came of it.
//!
//! A process that is started with [`Disk::environment`] counts every call by which it changes files below a directory, all
//! processes of a disk with one count, and the N-th fails as the [`Fault`] says. [`Disk::hits`] tells which it was; none,
//! if there were not that many.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The device fails.
    Eio,
    /// There is no room.
    Enospc,
    /// The user's share of the disk is used up.
    Edquot,
    /// Half of it is written, and for the rest there is no room.
    Short,
    /// The process is killed before the call.
    Kill,
    /// The process is killed after it.
    KillAfter,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Eio, Self::Enospc, Self::Edquot, Self::Short, Self::Kill, Self::KillAfter];

    /// Its name in plans.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Eio => "eio",
            Self::Enospc => "enospc",
            Self::Edquot => "edquot",
            Self::Short => "short",
            Self::Kill => "kill",
            Self::KillAfter => "kill-after",
        }
    }

    /// Whether it ends the process.
    pub const fn is_death(self) -> bool {
        matches!(self, Self::Kill | Self::KillAfter)
    }
}

/// What is to fail.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Only processes with this word in their command line; empty: all.
    pub word: &'static str,
    /// The number of the call, from 1.
    pub at: u64,
    /// How many calls fail, from that one on.
    pub times: u64,
    /// How.
    pub fault: Fault,
}

impl Plan {
    /// Nothing fails; calls are counted.
    pub const fn count(word: &'static str) -> Self {
        Self { word, at: u64::MAX, times: 0, fault: Fault::Eio }
    }
}

/// A directory that fails by a plan.
#[derive(Debug)]
pub struct Disk {
    state: PathBuf,
    environment: [(&'static str, String); 2],
}

/// A call that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Its number.
    pub number: u64,
    /// The function.
    pub call: String,
    /// The file.
    pub path: PathBuf,
}

impl Disk {
    /// A plan for what is below `dir`. `state` is a file that is made for the count, outside of it.
    ///
    /// # Errors
    /// If the file cannot be made, or the library is not there.
    pub fn new(dir: &Path, state: &Path, plan: Plan) -> Result<Self> {
        let library = library()?;
        fs::write(state, [0; 16])?;
        let dir = dir.canonicalize().with_context(|| dir.display().to_string())?;
        let state = state.canonicalize()?;
        ensure!(!state.starts_with(&dir), "the count would count itself");
        let trace = u8::from(std::env::var_os("CONVENE_FAULTS_TRACE").is_some());
        let Plan { word, at, times, fault } = plan;
        let mut text = format!(
            "dir={};at={at};times={times};fault={};state={};trace={trace}",
            dir.display(),
            fault.name(),
            state.display(),
        );
        if !word.is_empty() {
            text.push_str(&format!(";word={word}"));
        }
        let library = library.to_str().context("the library's path is no text")?.to_owned();
        Ok(Self { state, environment: [("LD_PRELOAD", library), ("FAULT_SHIM_PLAN", text)] })
    }

    /// What a process gets that is to meet the plan.
    pub fn environment(&self) -> &[(&'static str, String)] {
        &self.environment
    }

    /// How many calls there were.
    ///
    /// # Errors
    /// If the count cannot be read.
    pub fn calls(&self) -> Result<u64> {
        let bytes = fs::read(&self.state)?;
        let number = bytes.first_chunk().context("the count is too short")?;
        Ok(u64::from_ne_bytes(*number))
    }

    /// The calls that failed.
    ///
    /// # Errors
    /// If what was put down cannot be read.
    pub fn hits(&self) -> Result<Vec<Hit>> {
        let mut file = self.state.clone().into_os_string();
        file.push(".hits");
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let hit = |line: &str| {
            let mut parts = line.splitn(4, ' ');
            let (number, call) = (parts.next()?.parse().ok()?, parts.next()?.to_owned());
            Some(Hit { number, call, path: parts.nth(1)?.into() })
        };
        text.lines().map(|line| hit(line).with_context(|| format!("{line:?} is no hit"))).collect()
    }
}

/// The library, which cargo puts beside the tests of who depends on this crate.
fn library() -> Result<PathBuf> {
    const NAME: &str = "libconvene_fault_shim.so";
    let own = std::env::current_exe()?;
    let mut places =
        own.ancestors().skip(1).take(3).flat_map(|place| [place.join(NAME), place.join("deps").join(NAME)]);
    places.find(|place| place.exists()).with_context(|| format!("{NAME} is not near {}", own.display()))
}
