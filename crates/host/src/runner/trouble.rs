//! Words for an agent that does not begin: what is true, and what to do about it, as early as it is known.

use std::{
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use convene_core::{
    event::KnownEvent,
    failure::{Failure, FailureKind},
};
use tokio::time::Instant;

use super::{Runner, handshake::Stage};
use crate::{
    launch_spec::LaunchSpec,
    quirks::{ERROR_WORDS, HEADERS, STACK_LINES},
};

/// From when on it is said that an agent has not said hello.
const SLOW: Duration = Duration::from_secs(10);
/// The same for one that wrote something else.
const SLOW_AND_LOUD: Duration = Duration::from_secs(3);

impl Runner {
    pub(super) fn watch_start(&mut self, now: Instant) {
        // A download has been told.
        self.slow_at = (!self.config.agent.downloads).then_some(now + SLOW);
    }

    /// Something that is not of the protocol came.
    pub(super) fn on_noise_at_start(&mut self, line: &str, now: Instant) {
        if !matches!(self.stage, Stage::Starting) {
            return;
        }
        let small = line.trim_start().to_ascii_lowercase();
        if HEADERS.iter().any(|header| small.starts_with(header)) {
            let agent = &self.config.agent;
            let summary = format!(
                "{} wrote {line:?}: it speaks with headers, as language servers do; ACP has a line for each message",
                agent.display_name()
            );
            let failure = Failure::new(FailureKind::HandshakeFailure, summary)
                .code("agent_not_acp")
                .hint(format!("look for its ACP mode; it was started as: {}", agent.command.join(" ")));
            return self.fail(failure, now);
        }
        self.slow_at = Some(self.slow_at.map_or(now + SLOW_AND_LOUD, |at| at.min(now + SLOW_AND_LOUD)));
    }

    /// Says, long before it is given up, that an agent has not said hello.
    pub(super) fn on_slow_time(&mut self, now: Instant) {
        if self.slow_at.take_if(|at| now >= *at).is_none() || !matches!(self.stage, Stage::Starting) {
            return;
        }
        let agent = &self.config.agent;
        let name = agent.display_name();
        let stderr = self.agent.as_mut().map(|live| live.stderr_tail(&self.outbox.redactor)).unwrap_or_default();
        let detail = match (&self.noise.first, telling_line(&stderr)) {
            (Some(line), _) if !agent.acp_flag.is_empty() => {
                format!("{name} has not said hello yet; it wrote {line:?}, its ACP flag is {}", agent.acp_flag)
            }
            (Some(line), _) => format!("{name} has not said hello yet; it wrote {line:?}"),
            (None, Some(line)) => format!("{name} has not said hello yet; it wrote: {line}"),
            (None, None) => format!("{name} has not said hello yet"),
        };
        self.emit(KnownEvent::LogNote { code: "agent_slow".to_owned(), detail, raw: None });
    }
}

/// Why a program could not be started.
pub(super) fn launch_failure(agent: &LaunchSpec, cwd: &Path, error: &io::Error) -> Failure {
    let show = format!("convene agents show {}", agent.name);
    let program = agent.command.first().map(String::as_str).unwrap_or_default();
    let failure = |why: String| Failure::new(FailureKind::StartupFailure, why).code("agent_start_failed");
    if !cwd.is_dir() {
        return failure(format!("{}: its directory {} is not there", agent.command.join(" "), cwd.display()))
            .hint(show);
    }
    let found = find(program, cwd);
    match (error.kind(), found) {
        (io::ErrorKind::NotFound, Some(file)) => failure(match interpreter(&file) {
            Some(interpreter) => format!("{program}: it begins with #!{interpreter}, and that is not there ({error})"),
            None => format!("{program}: what it needs to run is not there ({error})"),
        })
        .hint(show),
        (io::ErrorKind::NotFound, None) if !agent.install.is_empty() => {
            failure(format!("{}: {error}", agent.command.join(" "))).hint(agent.install.clone())
        }
        (io::ErrorKind::PermissionDenied, Some(file)) if file.is_dir() => {
            failure(format!("{program}: it is a directory, not a program ({error})")).hint(show)
        }
        (io::ErrorKind::PermissionDenied, Some(file)) if !is_executable(&file) => {
            failure(format!("{program}: it may not be run ({error})")).hint(format!("chmod +x {}", file.display()))
        }
        (_, _) => failure(format!("{}: {error}", agent.command.join(" "))).hint(show),
    }
}

/// The file that a program is, by path or in `PATH`.
fn find(program: &str, cwd: &Path) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(cwd.join(program)).filter(|file| file.exists());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join(program)).find(|file| file.exists())
}

fn is_executable(file: &Path) -> bool {
    file.metadata().is_ok_and(|found| found.permissions().mode() & 0o111 != 0)
}

fn interpreter(file: &Path) -> Option<String> {
    use io::Read as _;

    let mut start = Vec::new();
    std::fs::File::open(file).ok()?.take(256).read_to_end(&mut start).ok()?;
    let line = String::from_utf8_lossy(&start).lines().next()?.trim().to_owned();
    Some(line.strip_prefix("#!")?.trim().to_owned())
}

/// The line of what a program wrote that says most: the last one about an error, else the last one that is no stack.
pub(super) fn telling_line(text: &str) -> Option<&str> {
    error_line(text).or_else(|| lines_from_end(text).find(|line| !is_stack(line))).or(lines_from_end(text).next())
}

/// The line about the end of an agent that had begun: an error among its last words, else one since its prompt, else its
/// last words. What it wrote before that, warnings of its start for one, has nothing to do with its end.
pub(super) fn last_words<'a>(recent: &'a str, of_turn: &'a str) -> Option<&'a str> {
    error_line(recent).or_else(|| error_line(of_turn)).or_else(|| telling_line(recent))
}

fn error_line(text: &str) -> Option<&str> {
    let tells = |line: &&str| {
        let small = line.to_ascii_lowercase();
        ERROR_WORDS.iter().any(|word| small.contains(word))
    };
    lines_from_end(text).filter(|line| !is_stack(line)).find(tells)
}

fn lines_from_end(text: &str) -> impl Iterator<Item = &str> {
    text.lines().rev().map(str::trim).filter(|line| line.chars().any(char::is_alphanumeric))
}

fn is_stack(line: &str) -> bool {
    STACK_LINES.iter().any(|start| line.starts_with(start))
}

#[cfg(test)]
#[path = "trouble_tests.rs"]
mod tests;
