//! Crash bundles: what a person needs who wants to know why an agent failed, after its processes and its run directory are
//! gone. One file each, `logs/crash-bundles/<session>-<kind>-<time>.json` in the data directory of the worker, for its
//! owner only.
//!
//! Only failures that somebody has to look into leave one: what was cancelled, refused or timed out was wanted by somebody.
//! Everything in it was redacted before it came here, and is bounded; so is the number of bundles that are kept.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use convene_core::failure::{FailureKind, ProcessExit, StopStep};
use serde::{Deserialize, Serialize};

use crate::{
    redact::Redactor,
    rundir::{Containment, RunDir},
};

/// The form of the file; a later form has another name.
pub const SCHEMA: &str = "convene.crash-bundle.v1";

/// The most that a bundle holds of an error, and likewise of what was written to stderr, in bytes.
pub const TEXT_MAX: usize = 32 << 10;

/// Bundles that are kept in a directory; with one more the oldest goes.
pub const KEPT: usize = 100;

/// One failure, as far as it is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bundle {
    /// [`SCHEMA`].
    pub schema: String,
    /// When it was made.
    pub at: jiff::Timestamp,
    /// The version of the runner, or of the worker.
    pub version: String,
    /// The session's id.
    pub session: String,
    /// The attempt's number.
    pub attempt: u32,
    /// The turn that was running.
    pub turn: Option<String>,
    /// What kind of failure it was.
    pub kind: FailureKind,
    /// Its problem code.
    pub code: Option<String>,
    /// What went wrong, whole, as far as it fits.
    pub error: String,
    /// The agent's name.
    pub agent: String,
    /// Its process id.
    pub pid: Option<i32>,
    /// Its program and arguments.
    pub command: Vec<String>,
    /// Where it worked.
    pub cwd: String,
    /// When its attempt began.
    pub started_at: Option<jiff::Timestamp>,
    /// How its process ended, with code or signal.
    pub exit: Option<ProcessExit>,
    /// What it took to end it.
    pub step: Option<StopStep>,
    /// What held its tree.
    pub containment: Option<Containment>,
    /// The end of what was written to stderr.
    pub stderr: String,
}

/// Whether a failure of this kind leaves a bundle.
pub const fn is_for(kind: FailureKind) -> bool {
    match kind {
        FailureKind::StartupFailure
        | FailureKind::HandshakeFailure
        | FailureKind::LoadSessionFailure
        | FailureKind::ProtocolFailure
        | FailureKind::PromptFailure
        | FailureKind::ProcessExit
        | FailureKind::TransportFailure => true,
        FailureKind::Cancellation
        | FailureKind::PermissionFailure
        | FailureKind::ProviderAuthFailure
        | FailureKind::Timeout
        | FailureKind::UnknownFailure => false,
    }
}

/// Where the bundles of the attempts lie that have their run directories beside this one.
pub fn directory(run_dir: &RunDir) -> Option<PathBuf> {
    run_dir.path().ancestors().nth(3).map(|data| data.join("logs").join("crash-bundles"))
}

impl Bundle {
    /// The file's name: no two failures of a session have the same.
    pub fn file_name(&self) -> String {
        let kind = serde_json::to_value(self.kind).ok();
        let kind = kind.as_ref().and_then(|kind| kind.as_str()).unwrap_or("failure");
        format!("{}-{kind}-{}.json", self.session, self.at.as_nanosecond())
    }

    /// Writes it into a directory, which is made if it is not there, and returns where it lies. Written again under the
    /// same name it takes the place of the one before. Its text is looked at for secrets as a whole, whatever
    /// was done to its parts.
    ///
    /// # Errors
    /// If the disk refuses; then there is none.
    pub fn write(&self, directory: &Path, redactor: &Redactor) -> io::Result<PathBuf> {
        let bounded = Self { error: start_of(&self.error), stderr: end_of(&self.stderr), ..self.clone() };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let path = directory.join(self.file_name());
        let draft = path.with_extension("draft");
        let text = serde_json::to_string_pretty(&bounded)?;
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        let written = file.write_all(redactor.scrub_json(&text).as_bytes());
        let written = written.and_then(|()| file.write_all(b"\n")).and_then(|()| fs::rename(&draft, &path));
        if let Err(error) = written {
            let _ = fs::remove_file(&draft);
            return Err(error);
        }
        // Not worth an error: the next one tries again.
        let _ = forget_oldest(directory);
        Ok(path)
    }
}

fn start_of(text: &str) -> String {
    let end = (0..=text.len().min(TEXT_MAX)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text[..end].to_owned()
}

fn end_of(text: &str) -> String {
    let from = text.len().saturating_sub(TEXT_MAX);
    let from = (from..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(from);
    text[from..].to_owned()
}

/// Leaves the newest ones, by the time at the end of their names.
fn forget_oldest(directory: &Path) -> io::Result<()> {
    let made_at = |name: &str| name.strip_suffix(".json")?.rsplit_once('-')?.1.parse::<i128>().ok();
    let mut bundles: Vec<(i128, PathBuf)> = fs::read_dir(directory)?
        .filter_map(Result::ok)
        .filter_map(|entry| Some((made_at(entry.file_name().to_str()?)?, entry.path())))
        .collect();
    bundles.sort();
    let too_many = bundles.len().saturating_sub(KEPT);
    for (_, path) in bundles.into_iter().take(too_many) {
        fs::remove_file(path)?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "bundle_tests.rs"]
mod tests;
