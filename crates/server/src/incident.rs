//! Bugs of ours: each gets a number, a file in the data directory, and a line in the log. The file says where, and never
//! what was being worked on: neither the environment nor a text that came from somebody is in it.

use std::{
    backtrace::Backtrace,
    cell::RefCell,
    fmt,
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    panic::{self, PanicHookInfo},
    path::{Path, PathBuf},
    sync::OnceLock,
};

use serde_json::json;

/// Files that are kept; a bug that comes every second must not fill the disk, and the first ones say most.
const FILES: usize = 100;

/// Where the files of this process go, and what it is.
static PLACE: OnceLock<(PathBuf, &'static str)> = OnceLock::new();

thread_local! {
    /// The last panic of this thread, for whoever catches it.
    static LAST: RefCell<Option<Incident>> = const { RefCell::new(None) };
}

/// A bug that was met.
#[derive(Debug, Clone)]
pub struct Incident {
    /// Its number.
    pub id: String,
    /// Its file, if it could be written.
    pub file: Option<PathBuf>,
}

impl fmt::Display for Incident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a bug in convene, incident {}", self.id)
    }
}

/// Has every panic of this process put down, in `crashes/` of a data directory that exists.
pub fn catch_panics(data_dir: &Path, role: &'static str) {
    // A process has one role; a second call is of no harm.
    let _first = PLACE.set((data_dir.join("crashes"), role));
    panic::set_hook(Box::new(|info| {
        let incident = put(said(info), info.location().map(ToString::to_string), &Backtrace::force_capture());
        let at = info.location().map(ToString::to_string).unwrap_or_default();
        if tracing::enabled!(tracing::Level::ERROR) {
            tracing::error!(incident = incident.id, file = ?incident.file, at, "a bug in convene");
        } else {
            // The commands of people have no log.
            let file = incident.file.as_ref().map_or_else(|| at.clone(), |file| file.display().to_string());
            eprintln!("error[internal]: {incident}\nhint: report it with {file}");
        }
        LAST.set(Some(incident));
    }));
}

/// The panic that this thread has just come out of.
pub fn caught() -> Incident {
    LAST.take().unwrap_or_else(|| Incident { id: number(), file: None })
}

/// Puts a bug down that is no panic.
pub fn report(what: &'static str) -> Incident {
    put(Some(what), None, &Backtrace::disabled())
}

/// What a panic says, if it is a text of the program's own: others may hold what was being worked on.
fn said(info: &PanicHookInfo<'_>) -> Option<&'static str> {
    info.payload().downcast_ref::<&'static str>().copied()
}

fn put(said: Option<&'static str>, at: Option<String>, trace: &Backtrace) -> Incident {
    let id = number();
    let Some((dir, role)) = PLACE.get() else { return Incident { id, file: None } };
    let text = json!({
        "incident": id,
        "role": role,
        "version": env!("CARGO_PKG_VERSION"),
        "system": format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        "thread": std::thread::current().name(),
        "at": at,
        "said": said,
        "trace": trace.to_string(),
    });
    let file = write(dir, &id, &format!("{text:#}\n")).ok();
    Incident { id, file }
}

fn number() -> String {
    uuid::Uuid::now_v7().simple().to_string()
}

fn write(dir: &Path, id: &str, text: &str) -> io::Result<PathBuf> {
    // Not `create_dir_all`: without a data directory there is nothing to report on.
    match DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        Ok(()) | Err(_) => {}
    }
    if fs::read_dir(dir)?.count() >= FILES {
        return Err(io::ErrorKind::QuotaExceeded.into());
    }
    let path = dir.join(format!("{id}.json"));
    let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path)?;
    file.write_all(text.as_bytes())?;
    Ok(path)
}

#[cfg(test)]
#[path = "incident_tests.rs"]
mod tests;
