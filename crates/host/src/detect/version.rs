//! Versions of programs: read from the package that a program is of, else asked of the program, once for each file.

use std::{
    collections::HashMap,
    fs,
    io::{self, Read as _},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{ChildStdout, Command, Stdio},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, Signal, kill_process_group},
};
use serde_json::Value;

use super::recipe::Recipe;
use crate::death::may_reach_agents;

/// How long a program may take to tell its version. Some load half of Python first.
const PATIENCE: Duration = Duration::from_secs(15);
/// How much of what it says is read.
const SAID: usize = 4 << 10;
/// How far up a package is looked for.
const LEVELS: usize = 6;

/// Which file it was.
type Stamp = (SystemTime, u64);

/// What programs said, by their file. One that is replaced is asked again.
#[derive(Debug, Default)]
pub(super) struct Versions {
    known: Mutex<HashMap<PathBuf, (Stamp, Option<String>)>>,
}

impl Versions {
    /// Asks everybody again.
    pub(super) fn forget(&self) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The version of an agent's program; runs it only if `ask`.
    pub(super) fn of_agent(&self, recipe: &Recipe, program: &Path, ask: bool) -> Option<String> {
        let args: Vec<&str> = recipe.version_args.iter().map(String::as_str).collect();
        self.of(program, ask, |file| {
            of_package(file).or_else(|| if args.is_empty() { None } else { said(program, &args) })
        })
    }

    /// The version of a `node`; runs it only if `ask`.
    pub(super) fn of_node(&self, node: &Path, ask: bool) -> Option<String> {
        self.of(node, ask, |_| said(node, &["--version"]))
    }

    fn of(&self, program: &Path, ask: bool, find: impl FnOnce(&Path) -> Option<String>) -> Option<String> {
        let file = program.canonicalize().ok()?;
        let stamp = stamp(&file).ok()?;
        if let Some((of, version)) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&file)
            && *of == stamp
        {
            return version.clone();
        }
        if !ask {
            return None;
        }
        // Not under the lock: it takes its time. Two that ask at once find the same.
        let version = find(&file);
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(file, (stamp, version.clone()));
        version
    }
}

fn stamp(file: &Path) -> io::Result<Stamp> {
    let metadata = file.metadata()?;
    Ok((metadata.modified()?, metadata.len()))
}

/// The version of the npm package that a file lies in.
fn of_package(file: &Path) -> Option<String> {
    for directory in file.ancestors().skip(1).take(LEVELS) {
        // What lies beyond is another package's.
        if directory.ends_with("node_modules") {
            return None;
        }
        let Ok(text) = fs::read(directory.join("package.json")) else { continue };
        let package: Value = serde_json::from_slice(&text).ok()?;
        if package.get("name").is_some_and(Value::is_string)
            && let Some(version) = package.get("version").and_then(Value::as_str)
        {
            return Some(version.to_owned());
        }
    }
    None
}

/// What a program says of its version: the first word that looks like one.
fn said(program: &Path, args: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    command.args(args).current_dir("/").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    command.env_clear().envs(std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(may_reach_agents)));
    command.process_group(0);
    let mut child = command.spawn().ok()?;
    let text = child.stdout.take().map(read_in_time).unwrap_or_default();
    // What it left running, too; as long as it is not reaped, the group is its own.
    if let Some(group) = Pid::from_raw(child.id().cast_signed()) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait();
    version_in(&String::from_utf8_lossy(&text))
}

/// Reads to the end, or to the end of the patience.
fn read_in_time(mut stdout: ChildStdout) -> Vec<u8> {
    let since = Instant::now();
    let mut text = Vec::new();
    let mut buffer = [0; 1024];
    while text.len() < SAID {
        let Ok(left) = Timespec::try_from(PATIENCE.saturating_sub(since.elapsed())) else { break };
        match poll(&mut [PollFd::new(&stdout, PollFlags::IN)], Some(&left)) {
            Err(rustix::io::Errno::INTR) => continue,
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
        match stdout.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(length) => text.extend_from_slice(&buffer[..length]),
        }
    }
    text
}

fn version_in(text: &str) -> Option<String> {
    let is_version = |word: &&str| {
        let core = word.strip_prefix('v').unwrap_or(word);
        core.starts_with(|c: char| c.is_ascii_digit())
            && core.contains('.')
            && core.len() < 64
            && core.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+' | '_'))
    };
    let words = text.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | ',' | '/'));
    words.into_iter().find(is_version).map(|word| word.strip_prefix('v').unwrap_or(word).to_owned())
}

#[cfg(test)]
#[path = "version_tests.rs"]
mod tests;
