//! Writes each session down when it stops, if the configuration says where: `<dir>/<directory>/<session>/ledger.jsonl`, the
//! same bytes as its export. The log is append-only, so the longer one of two is the newer one and takes the other's place.

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use convene_core::{
    event::wire_json,
    ids::SessionId,
    ledger::Meta,
    session::{Phase, SessionState},
};
use convene_engine::{Error, ListChange, ListObject, storage::EventFilter};
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use crate::app::App;

/// How many events are read at once. Few, because one event may be as large as the longest line of an agent.
const PAGE: usize = 64;

/// After a failure of the disk it is tried again.
const AGAIN: Duration = Duration::from_secs(5);

/// Where the position is kept up to which all stops are written down.
const DONE: &str = ".written";

/// Beside the ledger of a session whose log cannot be read: why there is none, or an old one.
const UNREADABLE: &str = "ledger.unreadable";

/// Writes ledgers until it is cancelled.
pub async fn keep(app: App, cancel: CancellationToken) {
    let Some(dir) = app.config.ledger.clone() else { return cancel.cancelled().await };
    tokio::select! {
        () = cancel.cancelled() => {}
        () = Clerk::new(app, dir).work() => {}
    }
}

/// Who writes.
struct Clerk {
    app: App,
    dir: PathBuf,
    /// Up to where the list was read.
    seen: u64,
    /// Sessions whose ledgers the disk refused, with their places in the list. They hold up nobody but the position that
    /// is kept.
    waiting: BTreeMap<SessionId, u64>,
}

/// What became of a ledger.
enum Written {
    /// It is there, or there is nothing to write: the session is gone, or goes on and will stop again.
    Done,
    /// The log cannot be read to its end, and no other try reads more.
    Unreadable(String),
}

impl Clerk {
    fn new(app: App, dir: PathBuf) -> Self {
        let seen = written(&dir, app.engine.shared().epoch);
        Self { app, dir, seen, waiting: BTreeMap::new() }
    }

    /// Follows the list of sessions; what stopped while nobody wrote is written down at the start.
    async fn work(mut self) {
        let mut list = self.app.engine.follow_list(self.seen);
        let mut again = Instant::now();
        let mut is_told = false;
        loop {
            let is_waiting = !self.waiting.is_empty();
            tokio::select! {
                changes = list.next() => match changes {
                    Ok(changes) => {
                        is_told = false;
                        self.take(changes).await;
                    }
                    Err(error) => {
                        if !std::mem::replace(&mut is_told, true) {
                            tracing::warn!(error = %error, "the ledgers are not written; trying again");
                        }
                        sleep_until(Instant::now() + AGAIN).await;
                    }
                },
                () = sleep_until(again), if is_waiting => self.try_again().await,
            }
            if !is_waiting || again <= Instant::now() {
                again = Instant::now() + AGAIN;
            }
        }
    }

    async fn take(&mut self, changes: Vec<ListChange>) {
        for change in changes {
            self.seen = change.pos;
            if let ListObject::Session(published) = change.object
                && published.damaged.is_none()
                && matches!(published.state.phase, Phase::Stopped { .. })
            {
                self.write_down(published.state.id, change.pos).await;
            }
        }
        self.say().await;
    }

    async fn try_again(&mut self) {
        for (id, pos) in self.waiting.clone() {
            self.write_down(id, pos).await;
        }
        self.say().await;
    }

    async fn write_down(&mut self, id: SessionId, pos: u64) {
        match write(&self.app, &self.dir, id).await {
            Ok(Written::Done) => {
                self.waiting.remove(&id);
            }
            Ok(Written::Unreadable(why)) => {
                self.waiting.remove(&id);
                tracing::warn!(session.id = %id, why, "a ledger is not written: its log is damaged");
            }
            Err(error) => {
                if self.waiting.insert(id, pos).is_none() {
                    tracing::warn!(session.id = %id, %error, "a ledger is not written; trying again");
                }
            }
        }
    }

    /// Says up to where all is written.
    async fn say(&self) {
        let first = self.waiting.values().min().map_or(u64::MAX, |pos| pos - 1);
        let (epoch, pos) = (self.app.engine.shared().epoch, self.seen.min(first));
        let done = self.dir.join(DONE);
        let said = on_disk(move || replace(&done, format!("{epoch} {pos}\n").as_bytes())).await;
        if let Err(error) = said {
            tracing::warn!(dir = %self.dir.display(), %error, "cannot say up to where ledgers are written");
        }
    }
}

/// Writes the ledger of a session as it is now, unless what is there is as long or longer. Whole or not at all.
async fn write(app: &App, dir: &Path, id: SessionId) -> io::Result<Written> {
    let published = match app.engine.session(id).await {
        Ok(published) => published,
        Err(Error::SessionNotFound(_)) => return Ok(Written::Done),
        Err(error) if error.is_damage() => return Ok(Written::Unreadable(error.to_string())),
        Err(error) => return Err(io::Error::other(error)),
    };
    let state = &published.state;
    if !matches!(state.phase, Phase::Stopped { .. }) {
        return Ok(Written::Done);
    }
    let path = path(dir, state);
    let unreadable = path.with_file_name(UNREADABLE);
    let why = match &published.damaged {
        Some(why) => why.to_string(),
        None => match fill(app, path, state).await? {
            Filled::Whole => return on_disk(move || remove(&unreadable)).await.map(|()| Written::Done),
            Filled::Gone => return Ok(Written::Done),
            Filled::Damaged(why) => why,
        },
    };
    let mark = format!("the log of {id} cannot be read to its end: {why}\n");
    on_disk(move || replace(&unreadable, mark.as_bytes())).await?;
    Ok(Written::Unreadable(why))
}

/// How far a ledger could be written.
enum Filled {
    Whole,
    /// The session was removed, or went on its way.
    Gone,
    Damaged(String),
}

async fn fill(app: &App, path: PathBuf, state: &SessionState) -> io::Result<Filled> {
    let meta = Meta::of(state);
    let (at, wanted) = (path.clone(), meta.clone());
    let longer = move || Ok(old(&at).is_some_and(|old| old.session == wanted.session && old.events > wanted.events));
    if on_disk(longer).await? {
        return Ok(Filled::Whole);
    }
    let draft = path.with_extension(format!("{}.new", std::process::id()));
    let result = match copy(app, &draft, state.id, &meta).await {
        Ok(Filled::Whole) => {
            let draft = draft.clone();
            on_disk(move || put(&draft, &path)).await.map(|()| Filled::Whole)
        }
        other => other,
    };
    if !matches!(result, Ok(Filled::Whole)) {
        on_disk(move || remove(&draft)).await?;
    }
    result
}

/// Copies a log into a draft.
async fn copy(app: &App, draft: &Path, id: SessionId, meta: &Meta) -> io::Result<Filled> {
    let (at, line) = (draft.to_owned(), meta.line());
    let mut file = on_disk(move || {
        DirBuilder::new().recursive(true).mode(0o700).create(at.parent().unwrap_or(&at))?;
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&at)?;
        file.write_all(line.as_bytes())?;
        Ok(file)
    })
    .await?;
    let mut after = 0;
    while after < meta.events {
        let before = Some(meta.events + 1);
        let filter = EventFilter { after: Some(after), before, limit: PAGE, ..EventFilter::default() };
        // Reads past what a repair knows to be lost.
        let rows = match app.engine.events(id, filter).await {
            Ok(rows) => rows,
            Err(Error::SessionNotFound(_)) => return Ok(Filled::Gone),
            Err(error) if error.is_damage() => return Ok(Filled::Damaged(error.to_string())),
            Err(error) => return Err(io::Error::other(error)),
        };
        let Some(last) = rows.last() else { break };
        after = last.seq;
        let mut text = String::new();
        for row in &rows {
            text.push_str(&wire_json(id, row.seq, row.pos, row.at, &row.data));
            text.push('\n');
        }
        file = on_disk(move || file.write_all(text.as_bytes()).map(|()| file)).await?;
    }
    if after < meta.events {
        // Its events go with the session, maybe between two pages.
        let is_gone = matches!(app.engine.session(id).await, Err(Error::SessionNotFound(_)));
        return Ok(if is_gone { Filled::Gone } else { Filled::Damaged(format!("it ends with event {after}")) });
    }
    on_disk(move || file.sync_all()).await.map(|()| Filled::Whole)
}

/// Puts a draft in the place of the ledger.
fn put(draft: &Path, path: &Path) -> io::Result<()> {
    if same(draft, path) {
        return fs::remove_file(draft);
    }
    fs::rename(draft, path)?;
    File::open(path.parent().unwrap_or(path))?.sync_all()
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

async fn on_disk<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// By the name of the directory that it works in.
fn path(dir: &Path, state: &SessionState) -> PathBuf {
    let works_in = state.workspace.as_ref().and_then(|w| w.worktree_of.clone().or_else(|| w.root.clone()));
    let works_in = works_in.unwrap_or_else(|| state.spec.cwd.clone());
    let name = Path::new(&works_in).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let name: String = name.chars().map(|c| if c.is_alphanumeric() || "-_".contains(c) { c } else { '_' }).collect();
    let name = if name.is_empty() { "_unbound".to_owned() } else { name };
    dir.join(name).join(state.id.to_string()).join("ledger.jsonl")
}

/// What the ledger says that is there.
fn old(path: &Path) -> Option<Meta> {
    let mut line = String::new();
    BufReader::new(File::open(path).ok()?.take(1 << 20)).read_line(&mut line).ok()?;
    Meta::read(&line)
}

fn same(a: &Path, b: &Path) -> bool {
    let (Ok(a), Ok(b)) = (File::open(a), File::open(b)) else { return false };
    let length = |file: &File| file.metadata().map(|meta| meta.len()).ok();
    if length(&a) != length(&b) {
        return false;
    }
    let mut bytes = BufReader::new(a).bytes().zip(BufReader::new(b).bytes());
    bytes.all(|(a, b)| a.is_ok() && a.ok() == b.ok())
}

/// Up to where everything is written down; 0 if nobody knows, or it was of another log.
fn written(dir: &Path, epoch: u64) -> u64 {
    let text = fs::read_to_string(dir.join(DONE)).unwrap_or_default();
    let mut numbers = text.split_whitespace().map(str::parse::<u64>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(of)), Some(Ok(pos))) if of == epoch => pos,
        _ => 0,
    }
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path.parent().unwrap_or(path))?;
    let draft = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(bytes)?;
    fs::rename(&draft, path)
}
