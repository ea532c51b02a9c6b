//! Starts keeper and runner of an attempt, detached from the worker.

use std::io::{self, Seek, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use super::Error;
use crate::keeper::raw;
use crate::marker;
use crate::process::Identity;
use crate::rundir::RunDir;

/// What of the worker's environment reaches agents by itself. What an agent is to have beyond this, and everything
/// secret, travels in the configuration.
const FOR_AGENTS: &[&str] = &["PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "LANG", "TZ", "TERM"];
const FOR_AGENTS_PREFIXES: &[&str] = &["LC_", "XDG_"];

/// What keeper and runner get beside it, for themselves.
const FOR_US: &[&str] = &["RUST_BACKTRACE", "CONVENE_LOG", "CONVENE_LOG_FORMAT"];

/// Starts `exe runner --run-dir <dir>` with `config_json` on its standard input (a file in memory: neither in argv nor in
/// the environment), its output in the run directory's log, nothing else inherited.
///
/// The keeper is a child of the caller's until one of the two ends: watch it, then [`Identity::reap`] it.
///
/// # Errors
/// If the program cannot be started, or the disk refuses.
pub fn launch(run_dir: &RunDir, exe: &Path, config_json: &[u8]) -> Result<Identity, Error> {
    let config = config_file(run_dir, config_json).map_err(system("store the configuration"))?;
    let log = run_dir.open_stderr()?;
    let output = log.try_clone().map_err(system("open the log"))?;
    raw::seal_descriptors();

    // Absolute, since the working directory changes.
    let path = std::path::absolute(run_dir.path()).map_err(system("find the run directory"))?;
    let mut command = Command::new(exe);
    command.arg("runner").arg("--run-dir").arg(&path);
    command.env_clear().envs(std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(is_passed)));
    command.envs(marker::environment(run_dir.session(), run_dir.attempt()));
    command.current_dir(&path).stdin(config).stdout(output).stderr(log);
    let child = command.spawn().map_err(system("start the runner"))?;
    // Not reaped yet by anybody, so the pid is still this very process, dead or alive.
    let identity = Identity::of(child.id().cast_signed())?;
    Ok(identity)
}

fn is_passed(name: &str) -> bool {
    may_reach_agents(name) || FOR_US.contains(&name)
}

/// Whether a variable of the environment is one that every agent gets.
pub(crate) fn may_reach_agents(name: &str) -> bool {
    FOR_AGENTS.contains(&name) || FOR_AGENTS_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(target_os = "linux")]
fn config_file(_run_dir: &RunDir, config: &[u8]) -> io::Result<Stdio> {
    use rustix::fs::{MemfdFlags, memfd_create};

    let mut file = std::fs::File::from(memfd_create("convene-config", MemfdFlags::CLOEXEC)?);
    file.write_all(config)?;
    file.rewind()?;
    Ok(file.into())
}

#[cfg(not(target_os = "linux"))]
fn config_file(run_dir: &RunDir, config: &[u8]) -> io::Result<Stdio> {
    use std::os::unix::fs::OpenOptionsExt;

    let path = run_dir.path().join(".config");
    let mut file =
        std::fs::OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(&path)?;
    // Without a name before there is anything in it.
    std::fs::remove_file(&path)?;
    file.write_all(config)?;
    file.rewind()?;
    Ok(file.into())
}

fn system(action: &'static str) -> impl Fn(io::Error) -> Error {
    move |source| Error::System { action, source }
}
