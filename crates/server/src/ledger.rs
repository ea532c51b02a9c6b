//! Writes each session down when it stops, if the configuration says where: `<dir>/<directory>/<session>/ledger.jsonl`, the
//! same bytes as its export. The log is append-only, so the longer one of two is the newer one and takes the other's place.

use std::{
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
use convene_engine::{
    ListObject, Published,
    storage::{EventFilter, LogKey, Reader, SqliteReader},
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::app::App;

/// How many events are read at once.
const PAGE: usize = 256;

/// After a failure of the disk it is tried again.
const AGAIN: Duration = Duration::from_secs(5);

/// Where the position is kept up to which all stops are written down.
const DONE: &str = ".written";

/// Writes ledgers until it is cancelled.
pub async fn keep(app: App, cancel: CancellationToken) {
    let Some(dir) = app.config.ledger.clone() else { return cancel.cancelled().await };
    tokio::select! {
        () = cancel.cancelled() => {}
        () = follow(&app, &dir) => {}
    }
}

/// Follows the list of sessions; what stopped while nobody wrote is written down at the start.
async fn follow(app: &App, dir: &Path) {
    let epoch = app.engine.shared().epoch;
    let mut list = app.engine.follow_list(written(dir, epoch));
    loop {
        let changes = match list.next().await {
            Ok(changes) => changes,
            Err(error) => {
                tracing::warn!(error = %error, "the ledgers are not written");
                sleep(AGAIN).await;
                continue;
            }
        };
        let Some(pos) = changes.last().map(|change| change.pos) else { continue };
        for change in changes {
            if let ListObject::Session(published) = change.object
                && published.damaged.is_none()
                && matches!(published.state.phase, Phase::Stopped { .. })
            {
                write_down(app, dir, &published).await;
            }
        }
        let done = dir.join(DONE);
        if let Err(error) = replace(&done, format!("{epoch} {pos}\n").as_bytes()) {
            tracing::warn!(path = %done.display(), %error, "cannot say up to where ledgers are written");
        }
    }
}

async fn write_down(app: &App, dir: &Path, published: &Published) {
    loop {
        let (dir, state, log) = (dir.to_owned(), published.state.clone(), published.log);
        let written = app.engine.query(move |reader| Ok(write(reader, &dir, &state, log))).await;
        let id = published.state.id;
        match written {
            Ok(Ok(())) => return,
            // Removed meanwhile.
            Err(_) => return,
            Ok(Err(error)) => tracing::warn!(session.id = %id, %error, "a ledger is not written; trying again"),
        }
        sleep(AGAIN).await;
    }
}

/// Writes a session's ledger, unless what is there is as long or longer. Whole or not at all.
fn write(reader: &SqliteReader, dir: &Path, state: &SessionState, log: LogKey) -> io::Result<()> {
    let meta = Meta::of(state);
    let path = path(dir, state);
    if old(&path).is_some_and(|old| old.session == meta.session && old.events > meta.events) {
        return Ok(());
    }
    let parent = path.parent().unwrap_or(dir);
    DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
    let draft = path.with_extension(format!("{}.new", std::process::id()));
    let result = fill(reader, &draft, state.id, log, &meta).and_then(|()| match same(&draft, &path) {
        true => fs::remove_file(&draft),
        false => fs::rename(&draft, &path).and_then(|()| File::open(parent)?.sync_all()),
    });
    if result.is_err() {
        // It may not even be there.
        let _ = fs::remove_file(&draft);
    }
    result
}

fn fill(reader: &SqliteReader, draft: &Path, id: SessionId, log: LogKey, meta: &Meta) -> io::Result<()> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(draft)?;
    let mut file = io::BufWriter::new(file);
    file.write_all(meta.line().as_bytes())?;
    let mut after = 0;
    while after < meta.events {
        let before = Some(meta.events + 1);
        let filter = EventFilter { after: Some(after), before, limit: PAGE, ..EventFilter::default() };
        let rows = reader.events(log, &filter).map_err(io::Error::other)?;
        let Some(last) = rows.last() else { break };
        after = last.seq;
        for row in &rows {
            file.write_all(wire_json(id, row.seq, row.pos, row.at, &row.data).as_bytes())?;
            file.write_all(b"\n")?;
        }
    }
    if after < meta.events {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "its log went on its way or is gone"));
    }
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
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
