//! Who did what: one line for each change that was asked for and each request that was turned away.
//!
//! Lines go to `audit.jsonl` in the data directory, written before the answer goes out, so that a death of the server
//! loses none of what it answered. Eight files of 8 MB are kept. The log is not in the database: what is turned away
//! must not cost a transaction, and a database that takes nothing is when this log is wanted most (ADR 0010).

mod words;

use std::{
    collections::HashSet,
    fs::{self, File, OpenOptions},
    io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use convene_api::body::{AuditActor, AuditEntry, AuditKind, AuditOutcome, AuditPeer, AuditPeerKind};
use convene_core::Timestamp;

use crate::{
    auth::{Caller, Presented},
    error::ServeError,
    listen::Peer,
};

pub use words::{asked, unknown};

/// The newest file; older ones have a number, the higher the older.
const NAME: &str = "audit.jsonl";

/// How large a file grows.
const FILE_MAX: u64 = 8 << 20;

/// How many files are kept.
const FILES: usize = 8;

/// How much of a file's end is read to find its last line, in bytes. More, if that is not enough.
const TAIL: u64 = 16 << 10;

/// So many different lines of what comes again and again are remembered.
const TOLD_MAX: usize = 100;

/// Lines about nobody in a minute; more of them are counted only, so that nobody writes the log full.
const NOBODY: u32 = 120;

/// The log.
#[derive(Debug)]
pub struct Audit {
    dir: PathBuf,
    open: Mutex<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    size: u64,
    /// The place of the next line.
    next: u64,
    /// The minute in which lines about nobody are counted, and how many there were.
    minute: i64,
    nobody: u32,
    left_out: u64,
    /// Whether the last write failed; said once.
    broken: bool,
    /// What was put down in this minute of what comes again and again.
    told: HashSet<String>,
    told_in: i64,
}

/// What is written down; the log gives it its place.
#[derive(Debug, Clone)]
pub struct Line {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: AuditActor,
    /// From where.
    pub peer: AuditPeer,
    /// What, and about what.
    pub asked: (String, Option<String>),
    /// The status of the answer.
    pub status: u16,
    /// Its code, if it is a problem.
    pub code: Option<&'static str>,
    /// The command's key.
    pub command: Option<String>,
}

/// Which lines are wanted.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Only those after this place.
    pub after: Option<u64>,
    /// Only those before this place.
    pub before: Option<u64>,
    /// At most so many: the first ones after a place, else the last ones.
    pub limit: usize,
    /// Only those of this actor: kind, owner, id or name.
    pub actor: Option<String>,
    /// Only those of this action, or of all that begin with it and a dot.
    pub action: Option<String>,
}

impl Audit {
    /// Opens the log in a data directory; a line that a power cut left half written is cut off.
    pub fn open(dir: &Path) -> Result<Self, ServeError> {
        let path = dir.join(NAME);
        let failed = || ServeError::files(&path);
        let file = append(&path).map_err(failed())?;
        let whole = whole_lines(&path).map_err(failed())?;
        file.set_len(whole).map_err(failed())?;
        let newest = (0..FILES).find_map(|number| last_place(&numbered(dir, number)));
        let open = Open {
            file,
            size: whole,
            next: newest.map_or(1, |n| n + 1),
            minute: 0,
            nobody: 0,
            left_out: 0,
            broken: false,
            told: HashSet::new(),
            told_in: 0,
        };
        Ok(Self { dir: dir.to_owned(), open: Mutex::new(open) })
    }

    /// Puts a line down. A disk that refuses it does not undo what was done: that is said in the server's log, once.
    pub fn put(&self, line: Line) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if line.actor.kind == AuditKind::Nobody && !open.has_room_for_nobody(line.at) {
            open.left_out += 1;
            return;
        }
        let outcome = match (line.status, line.code) {
            (..=399, _) => AuditOutcome::Done,
            (401 | 403, Some(_)) | (429, Some("rate_limited")) => AuditOutcome::Denied,
            (_, _) => AuditOutcome::Refused,
        };
        let (action, object) = line.asked;
        let entry = AuditEntry {
            n: open.next,
            at: line.at,
            actor: line.actor,
            peer: line.peer,
            action,
            object,
            outcome,
            status: line.status,
            code: line.code.map(str::to_owned),
            command: line.command,
            left_out: open.left_out,
        };
        // Our own types always serialize: string keys, finite numbers.
        let mut text = serde_json::to_string(&entry).unwrap_or_default();
        text.push('\n');
        match open.write(&self.dir, text.as_bytes()) {
            Ok(()) => {
                open.next += 1;
                open.left_out = 0;
                open.broken = false;
            }
            Err(error) => {
                if !open.broken {
                    tracing::error!(error = %error, "the audit log cannot be written; requests go on");
                }
                open.broken = true;
            }
        }
    }

    /// Puts a line down unless the same one was in the last minute: whoever dials again and again writes the log full
    /// of nothing.
    pub fn put_sometimes(&self, line: Line) {
        let minute = line.at.as_second().div_euclid(60);
        let what = format!("{:?} {:?} {} {:?}", line.actor, line.peer, line.asked.0, line.code);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.told_in != minute || open.told.len() >= TOLD_MAX {
            open.told.clear();
            open.told_in = minute;
        }
        let is_news = open.told.insert(what);
        drop(open);
        if is_news {
            self.put(line);
        }
    }

    /// Reads lines, oldest first, and tells whether there are more in the direction that was asked for. Blocks.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn read(&self, wanted: &Wanted) -> io::Result<(Vec<AuditEntry>, bool)> {
        let forward = wanted.after.is_some();
        let mut found: Vec<AuditEntry> = Vec::new();
        let numbers: Vec<usize> = if forward { (0..FILES).rev().collect() } else { (0..FILES).collect() };
        for number in numbers {
            let mut fits = self.file_lines(number, wanted)?;
            if forward {
                found.append(&mut fits);
            } else {
                fits.append(&mut found);
                found = fits;
            }
            // One more tells whether there is a next page. A file that is being renamed may show a line twice.
            found.dedup_by_key(|entry| entry.n);
            if found.len() > wanted.limit {
                break;
            }
        }
        let more = found.len() > wanted.limit;
        if forward {
            found.truncate(wanted.limit);
        } else {
            found.drain(..found.len().saturating_sub(wanted.limit));
        }
        Ok((found, more))
    }

    fn file_lines(&self, number: usize, wanted: &Wanted) -> io::Result<Vec<AuditEntry>> {
        let file = match File::open(numbered(&self.dir, number)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut fits = Vec::new();
        for line in BufReader::new(file).lines() {
            // Half a line is one that is being written.
            let Ok(entry) = serde_json::from_str::<AuditEntry>(&line?) else { continue };
            if wanted.fits(&entry) {
                fits.push(entry);
            }
            if wanted.after.is_some() && fits.len() > wanted.limit {
                break;
            }
        }
        Ok(fits)
    }
}

impl Open {
    fn has_room_for_nobody(&mut self, at: Timestamp) -> bool {
        let minute = at.as_second().div_euclid(60);
        if minute != self.minute {
            self.minute = minute;
            self.nobody = 0;
        }
        self.nobody = self.nobody.saturating_add(1);
        self.nobody <= NOBODY
    }

    fn write(&mut self, dir: &Path, text: &[u8]) -> io::Result<()> {
        if self.size > 0 && self.size + text.len() as u64 > FILE_MAX {
            self.turn(dir)?;
        }
        if let Err(error) = self.file.write_all(text) {
            // Half a line would spoil the next one.
            self.file.set_len(self.size)?;
            return Err(error);
        }
        self.size += text.len() as u64;
        Ok(())
    }

    /// Begins a new file; the oldest one goes.
    fn turn(&mut self, dir: &Path) -> io::Result<()> {
        self.file.sync_data()?;
        for number in (0..FILES - 1).rev() {
            match fs::rename(numbered(dir, number), numbered(dir, number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        self.file = append(&numbered(dir, 0))?;
        self.size = 0;
        Ok(())
    }
}

impl Wanted {
    fn fits(&self, entry: &AuditEntry) -> bool {
        let is_actor = |wanted: &String| {
            let actor = &entry.actor;
            [&actor.owner, &actor.id, &actor.name].iter().any(|name| name.as_ref() == Some(wanted))
                || serde_json::to_value(actor.kind).is_ok_and(|kind| kind == **wanted)
        };
        let is_action = |wanted: &String| {
            entry.action.strip_prefix(wanted.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.after.is_none_or(|after| entry.n > after)
            && self.before.is_none_or(|before| entry.n < before)
            && self.actor.as_ref().is_none_or(is_actor)
            && self.action.as_ref().is_none_or(is_action)
    }
}

/// Who asked, as far as is known.
pub fn actor(caller: Option<&Caller>) -> AuditActor {
    let Some(caller) = caller else {
        return AuditActor { kind: AuditKind::Nobody, owner: None, scope: None, id: None, name: None };
    };
    let (kind, id) = match caller.shown {
        Presented::Owner => (AuditKind::Owner, None),
        Presented::Browser { .. } => (AuditKind::Browser, None),
        Presented::Worker => (AuditKind::Worker, None),
        Presented::Attempt { session, .. } => (AuditKind::Attempt, Some(session.to_string())),
        Presented::Api { id, .. } => (AuditKind::Token, Some(id.to_string())),
    };
    AuditActor {
        kind,
        owner: Some(caller.owner.clone()),
        scope: Some(caller.scope.token_name().to_owned()),
        id,
        name: caller.token_name.as_deref().filter(|name| !name.is_empty()).map(str::to_owned),
    }
}

/// Where a request came from; behind a trusted proxy the address is the one that the proxy tells.
pub fn peer(peer: Peer, told: Option<std::net::IpAddr>) -> AuditPeer {
    match (peer, told) {
        (Peer::Local { pid }, _) => AuditPeer { kind: AuditPeerKind::Local, pid, address: None },
        (Peer::Tcp { .. }, Some(ip)) if !ip.is_loopback() => {
            AuditPeer { kind: AuditPeerKind::Remote, pid: None, address: Some(ip.to_string()) }
        }
        (Peer::Tcp { .. }, _) => AuditPeer { kind: AuditPeerKind::Loopback, pid: None, address: None },
    }
}

fn numbered(dir: &Path, number: usize) -> PathBuf {
    if number == 0 { dir.join(NAME) } else { dir.join(format!("audit.{number}.jsonl")) }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

/// How many bytes of a file are whole lines.
fn whole_lines(path: &Path) -> io::Result<u64> {
    let mut most = TAIL;
    loop {
        let (at, bytes) = end_of(path, most)?;
        match bytes.iter().rposition(|byte| *byte == b'\n') {
            Some(found) => return Ok(at + found as u64 + 1),
            None if at == 0 => return Ok(0),
            None => most *= 16,
        }
    }
}

/// The place of a file's last line.
fn last_place(path: &Path) -> Option<u64> {
    let mut most = TAIL;
    loop {
        let (at, bytes) = end_of(path, most).ok()?;
        let text = String::from_utf8_lossy(&bytes);
        if let Some(entry) = text.lines().rev().find_map(|line| serde_json::from_str::<AuditEntry>(line).ok()) {
            return Some(entry.n);
        }
        if at == 0 {
            return None;
        }
        most *= 16;
    }
}

/// At most so many bytes from the end of a file, and where they begin.
fn end_of(path: &Path, most: u64) -> io::Result<(u64, Vec<u8>)> {
    let mut file = File::open(path)?;
    let at = file.metadata()?.len().saturating_sub(most);
    file.seek(SeekFrom::Start(at))?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok((at, bytes))
}

#[cfg(test)]
#[path = "audit_tests.rs"]
mod tests;
