//! Removes sessions that nobody needs any more: when somebody says so, and by themselves if the configuration does. And
//! keeps order among the files: room that is not used goes back to the disk, files that nothing refers to go.

use std::{collections::HashSet, time::Duration};

use convene_api::body::{KeptSession, PruneSessions, Pruned, PrunedSession, WorktreeFate};
use convene_core::{Timestamp, command::Command, ids::SessionId};
use convene_engine::{
    Done, Error, Published, Work,
    storage::{Chore, SessionFilter},
};
use tokio::time::{interval, sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    app::App,
    refusal::Refusal,
    removals::{self, with_worktree},
};

/// How often sessions are looked for that are due.
const PERIOD: Duration = Duration::from_secs(3600);

/// Between two parts of a chore others have their turn.
const PAUSE: Duration = Duration::from_millis(20);

/// Sessions that are looked at at a time.
const PAGE: usize = 500;

/// Who removes sessions by themselves.
const BY: &str = "retention";

/// Which sessions are removed; all that is given must fit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retention {
    /// Those that nobody has used for so long.
    pub older_than: Option<Duration>,
    /// Those whose log takes more than so many bytes.
    pub larger_than: Option<u64>,
    /// So many of the latest stay in any case.
    pub keep: Option<usize>,
    /// Only those that are put away.
    pub archived_only: bool,
}

impl From<&PruneSessions> for Retention {
    fn from(body: &PruneSessions) -> Self {
        let PruneSessions { older_than, larger_than, keep, archived_only, dry_run: _ } = body;
        let older_than = older_than.map(Duration::from_secs);
        Self { older_than, larger_than: *larger_than, keep: *keep, archived_only: *archived_only }
    }
}

/// A session that may go.
struct Due {
    published: Published,
    bytes: u64,
}

/// Keeps order until it is cancelled.
pub async fn keep(app: App, cancel: CancellationToken) {
    let chores = async {
        for shelf in 0..=u8::MAX {
            chore(&app, Chore::Files { shelf }).await;
            sleep(PAUSE).await;
        }
        let Some(retention) = app.config.retention else { return std::future::pending().await };
        let mut period = interval(PERIOD);
        loop {
            period.tick().await;
            match prune(&app, retention, BY, false).await {
                Ok(pruned) if pruned.items.is_empty() => {}
                Ok(pruned) => {
                    tracing::info!(sessions = pruned.items.len(), bytes = pruned.bytes, "removed what nobody has used");
                }
                Err(refusal) => tracing::warn!(detail = %refusal.problem.detail, "cannot look for what nobody uses"),
            }
        }
    };
    tokio::select! {
        () = cancel.cancelled() => {}
        () = chores => {}
        () = removals::keep(app.clone()) => {}
    }
}

/// Removes the sessions that fit, or tells which they are.
///
/// # Errors
/// If the store cannot be read.
pub async fn prune(app: &App, retention: Retention, by: &str, dry_run: bool) -> Result<Pruned, Refusal> {
    let before = disk_size(app).await?;
    let mut pruned = Pruned { dry_run, items: Vec::new(), bytes: 0, freed_bytes: 0, kept: Vec::new() };
    for Due { published, bytes } in due(app, retention).await? {
        let state = &published.state;
        let id = state.id;
        if !dry_run {
            // Looking at the others may have taken minutes: one that was used since then stays, with its worktree.
            let command = Command::Prune { expected: state.seq, by: by.to_owned() };
            let commit = async { app.engine.command(id, command).await.map_err(Refusal::from) };
            if let Err(refusal) = with_worktree(app, state, WorktreeFate::Remove, commit).await {
                pruned.kept.push(KeptSession { id, why: refusal.problem.detail });
                continue;
            }
        }
        pruned.bytes += bytes;
        pruned.items.push(PrunedSession {
            id,
            short_id: id.short(),
            title: state.title.clone(),
            agent: state.spec.agent.clone(),
            updated_at: state.updated_at,
            archived: state.archived,
            events: state.seq,
            bytes,
        });
    }
    if !dry_run && !pruned.items.is_empty() {
        while chore(app, Chore::FreePages).await {
            sleep(PAUSE).await;
        }
        pruned.freed_bytes = before.saturating_sub(disk_size(app).await?);
    }
    Ok(pruned)
}

/// The sessions that fit, the longest unused first.
async fn due(app: &App, retention: Retention) -> Result<Vec<Due>, Refusal> {
    let (mut resting, needed) = resting(app, retention.archived_only).await?;
    resting.sort_by_key(|published| published.state.updated_at);
    resting.truncate(resting.len().saturating_sub(retention.keep.unwrap_or(0)));
    let now = app.engine.now();
    let mut due = Vec::new();
    for published in resting {
        let old = retention.older_than.is_none_or(|age| unused(&published, now) >= age);
        if !old || needed.contains(&published.state.id) {
            continue;
        }
        let log = published.log;
        let bytes = app.engine.query(move |reader| reader.log_size(log)).await?;
        if retention.larger_than.is_none_or(|size| bytes > size) {
            due.push(Due { published, bytes });
        }
    }
    Ok(due)
}

/// Sessions that are at rest for good, and those whose conversation another one goes on with.
async fn resting(app: &App, archived_only: bool) -> Result<(Vec<Published>, HashSet<SessionId>), Refusal> {
    let mut filter = SessionFilter { limit: PAGE, ..SessionFilter::default() };
    let (mut resting, mut needed) = (Vec::new(), HashSet::new());
    loop {
        let page = app.engine.sessions(filter.clone()).await?;
        for published in page.items {
            needed.extend(published.state.fork.as_ref().map(|fork| fork.session));
            let fits = published.damaged.is_none() && published.state.may_be_pruned();
            if fits && (published.state.archived || !archived_only) {
                resting.push(published);
            }
        }
        match page.next {
            Some(before) => filter.before = Some(before),
            None => return Ok((resting, needed)),
        }
    }
}

fn unused(published: &Published, now: Timestamp) -> Duration {
    let seconds = now.as_second() - published.state.updated_at.as_second();
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

/// The database and its files, in bytes.
async fn disk_size(app: &App) -> Result<u64, Refusal> {
    let blobs = app.config.data_dir.join("blobs");
    Ok(app.engine.query(move |reader| Ok(reader.disk_size()? + size_of(&blobs))).await?)
}

fn size_of(dir: &std::path::Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => size_of(&entry.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}

/// Does a part of a chore; tells whether there is more.
async fn chore(app: &App, chore: Chore) -> bool {
    match app.engine.submit(Work::Tidy(chore), None).await {
        Ok(Done::Fresh(outcome)) => outcome.pos > 0,
        Ok(Done::Replayed(_)) | Err(Error::Stopped) => false,
        Err(error) => {
            tracing::warn!(error = %error, ?chore, "a chore is not done");
            false
        }
    }
}
