//! Worktrees of sessions that are removed. Whether one may go is asked first, while its session can still be kept; then the
//! session goes; and the worktree last. What is to go is written down before the session goes, in
//! `removals/<session>.json` of the data directory, so that whatever dies in between, it goes later: when its worker is
//! there, and nothing in it is lost by that.

use std::{
    collections::HashSet,
    fs::{self, DirBuilder, File, OpenOptions},
    future::Future,
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use convene_api::{
    body::WorktreeFate,
    problem::{Code, Problem},
    uplink::{Answer, Question},
};
use convene_core::{
    ids::{SessionId, WorkerName},
    session::{Phase, SessionState},
};
use convene_engine::storage::Reader as _;
use serde::{Deserialize, Serialize};
use tokio::{sync::Notify, task::spawn_blocking, time::interval};

use crate::{app::App, refusal::Refusal, routes::sessions::changes::home, uplink::odd_answer};

/// How long a worker may take to look at a worktree, or to delete it.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// How often it is looked for worktrees that are still there.
const PERIOD: Duration = Duration::from_secs(10);

/// A worktree that goes with its session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Removal {
    session: SessionId,
    worker: WorkerName,
    path: String,
    branch: String,
    /// Whether it goes although it holds work that is nowhere else.
    force: bool,
}

/// Worktrees that are to go.
#[derive(Debug)]
pub struct Removals {
    dir: PathBuf,
    /// Sessions that somebody is removing at this moment.
    busy: Mutex<HashSet<SessionId>>,
    /// Told that one of them is not busy any more.
    freed: Notify,
}

/// Keeps others from the worktree of a session as long as it lives.
struct Busy<'a>(&'a Removals, SessionId);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.busy().remove(&self.1);
        self.0.freed.notify_waiters();
    }
}

impl Removals {
    /// Those of a data directory.
    pub fn new(data_dir: &Path) -> Self {
        Self { dir: data_dir.join("removals"), busy: Mutex::default(), freed: Notify::new() }
    }

    fn busy(&self) -> MutexGuard<'_, HashSet<SessionId>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None`: somebody else removes it.
    fn begin(&self, session: SessionId) -> Option<Busy<'_>> {
        self.busy().insert(session).then(|| Busy(self, session))
    }

    /// Waits until nobody else removes it.
    async fn turn(&self, session: SessionId) -> Busy<'_> {
        loop {
            let freed = self.freed.notified();
            if let Some(busy) = self.begin(session) {
                return busy;
            }
            freed.await;
        }
    }

    fn path(&self, session: SessionId) -> PathBuf {
        self.dir.join(format!("{session}.json"))
    }

    async fn plan(&self, removal: &Removal) -> io::Result<()> {
        let (dir, path) = (self.dir.clone(), self.path(removal.session));
        let text = serde_json::to_vec(removal)?;
        on_disk(move || {
            DirBuilder::new().recursive(true).mode(0o700).create(&dir)?;
            let draft = path.with_extension("new");
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&draft, &path)?;
            File::open(&dir)?.sync_all()
        })
        .await
    }

    async fn forget(&self, session: SessionId) {
        let path = self.path(session);
        if let Err(error) = on_disk(move || fs::remove_file(path)).await
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(session.id = %session, %error, "cannot forget a worktree that is gone");
        }
    }

    /// All that are written down. What cannot be read is nobody's, and stays.
    async fn all(&self) -> Vec<Removal> {
        let dir = self.dir.clone();
        let read = move || {
            let entries = match fs::read_dir(&dir) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
                entries => entries?,
            };
            let paths =
                entries.flatten().map(|entry| entry.path()).filter(|p| p.extension().is_some_and(|e| e == "json"));
            Ok(paths.filter_map(|path| serde_json::from_slice(&fs::read(path).ok()?).ok()).collect())
        };
        on_disk(read).await.unwrap_or_else(|error| {
            tracing::warn!(dir = %self.dir.display(), %error, "cannot look for worktrees that are to go");
            Vec::new()
        })
    }
}

/// Removes a session by `commit`, and then the worktree that was made for it, as far as that is wanted.
///
/// # Errors
/// If the worktree has work that is nowhere else, or its worker cannot be asked: then `commit` is not done. Or its error.
pub async fn with_worktree<T>(
    app: &App,
    state: &SessionState,
    fate: WorktreeFate,
    commit: impl Future<Output = Result<T, Refusal>>,
) -> Result<T, Refusal> {
    let Some(removal) = planned(app, state, fate)? else { return commit.await };
    let _busy = app.removals.turn(removal.session).await;
    may_go(app, &removal).await?;
    app.removals
        .plan(&removal)
        .await
        .map_err(|error| Problem::filled(Code::StorageFailed, [("cause", error.to_string().into())]))?;
    let done = commit.await;
    // Also after an error: it may be that only the answer was lost.
    carry_out(app, &removal).await;
    done
}

/// Removes what is left of sessions that are gone, for as long as the server runs.
pub async fn keep(app: App) {
    let mut workers = app.workers_changed.subscribe();
    let mut period = interval(PERIOD);
    loop {
        tokio::select! {
            _ = period.tick() => {}
            changed = workers.changed() => if changed.is_err() { return },
        }
        for removal in app.removals.all().await {
            let workers = app.engine.workers().all();
            let is_there = workers.iter().any(|w| w.status.connected && w.status.name == removal.worker);
            // It was told when it was left; a worker that never comes back fills no log.
            if is_there && let Some(_busy) = app.removals.begin(removal.session) {
                carry_out(&app, &removal).await;
            }
        }
    }
}

/// The worktree that goes with a session, if one does.
fn planned(app: &App, state: &SessionState, fate: WorktreeFate) -> Result<Option<Removal>, Problem> {
    let made = state.workspace.as_ref().filter(|workspace| workspace.worktree_of.is_some());
    let (Some(workspace), false) = (made, fate == WorktreeFate::Keep) else { return Ok(None) };
    match &state.phase {
        Phase::Pending { .. } | Phase::Hibernated | Phase::Stopped { .. } => {}
        // It is refused by the engine, in its own words.
        Phase::Starting { .. } | Phase::Idle { .. } | Phase::Running { .. } | Phase::Stopping { .. } => {
            return Ok(None);
        }
    }
    Ok(Some(Removal {
        session: state.id,
        worker: home(app, state)?,
        path: workspace.root.clone().unwrap_or_default(),
        branch: workspace.branch.clone().unwrap_or_default(),
        force: fate == WorktreeFate::Discard,
    }))
}

async fn may_go(app: &App, removal: &Removal) -> Result<(), Refusal> {
    let Removal { session, worker, path, branch: _, force } = removal.clone();
    let question = Question::MayRemoveWorktree { session, path, force };
    match app.asks.ask(&worker, question, PATIENCE).await {
        Ok(Answer::MayRemove {}) => Ok(()),
        Ok(other) => Err(odd_answer(&worker, &other).into()),
        Err(problem) if problem.code == Code::WorktreeDirty => {
            let id = session.short();
            Err(problem.hint(format!("commit, or: convene rm {id} --force, or --keep-worktree")).into())
        }
        Err(problem) if problem.code == Code::WorkerUnreachable => {
            Err(problem.hint("start it, or leave the worktree there: --keep-worktree").into())
        }
        Err(problem) => Err(problem.into()),
    }
}

/// Removes the worktree of a session that is gone; of one that is not gone nothing.
async fn carry_out(app: &App, removal: &Removal) {
    let Removal { session, worker, path, branch, force } = removal.clone();
    match app.engine.query(move |reader| reader.session(session)).await {
        Ok(Some(row)) if row.deleted => {}
        // One that nobody knows is not gone: it may be in a backup.
        Ok(_) => return app.removals.forget(session).await,
        Err(error) => return tracing::debug!(session.id = %session, error = %error, "cannot see whether it is gone"),
    }
    let question = Question::RemoveWorktree { session: Some(session), path: path.clone(), branch, force };
    match app.asks.ask(&worker, question, PATIENCE).await {
        Ok(_) => app.removals.forget(session).await,
        Err(problem) => {
            let later = matches!(problem.code, Code::WorkerUnreachable | Code::Unavailable | Code::WrongState);
            let then = if later { "it goes later" } else { "it stays" };
            let why = problem.detail;
            tracing::warn!(session.id = %session, worker.id = %worker, path, why, then, "a worktree outlives its session");
            if !later {
                app.removals.forget(session).await;
            }
        }
    }
}

async fn on_disk<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}
