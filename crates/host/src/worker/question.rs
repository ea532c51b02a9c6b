//! Answers the server's questions about this machine.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use convene_api::{
    problem::Code,
    uplink::{Answer, Question, WorkerUp},
};
use tokio::task::spawn_blocking;

use super::{News, Worker, WorkerConfig, attempt::Attempt};
use crate::{directories, git, keeper::chain, probe};

/// Questions that are being answered at the same time; one more is refused.
const QUESTIONS: usize = 8;

impl Worker {
    /// Answers a question about this machine, beside everything else.
    pub(super) async fn answer(&mut self, id: u64, question: Question) {
        if let Some(answer) = self.refuse(&question) {
            return self.send(&WorkerUp::Answer { id, answer }).await;
        }
        self.questions += 1;
        let removed = match &question {
            Question::RemoveWorktree { session, .. } => *session,
            Question::Detect
            | Question::TestAgent { .. }
            | Question::Directories { .. }
            | Question::Changes { .. }
            | Question::MayRemoveWorktree { .. } => None,
        };
        self.removing.extend(removed);
        let (config, tell, link) = (Arc::clone(&self.config), self.tell.clone(), self.link_number);
        self.tasks.spawn(async move {
            let answer = answer(config, question).await;
            // The worker is gone if this fails.
            let _ = tell.send(News::Answered { link, id, answer, removed }).await;
        });
    }

    /// Says no to what cannot be answered now.
    fn refuse(&self, question: &Question) -> Option<Answer> {
        if self.questions >= QUESTIONS {
            let detail = format!("worker {} is busy with {QUESTIONS} questions", self.config.name);
            return Some(Answer::refused(Code::Unavailable, detail));
        }
        let session = question.worktree_of()?;
        if self.removing.contains(&session) {
            return Some(Answer::refused(Code::Unavailable, "its worktree is being removed already"));
        }
        // Whatever the server thought when it asked: nobody's directory is taken away.
        let is_alive = |attempt: &Attempt| matches!(attempt, Attempt::Launching | Attempt::Watched(_));
        let alive = self.attempts.iter().find(|(key, attempt)| key.session == session && is_alive(attempt));
        alive.map(|(key, _)| {
            let detail = format!("attempt {} of {} works there", key.attempt, session.short());
            Answer::refused(Code::WrongState, detail)
        })
    }
}

/// Answers; whatever blocks runs beside the worker's loop.
async fn answer(config: Arc<WorkerConfig>, question: Question) -> Answer {
    match question {
        Question::Detect => blocking(move || Answer::Agents(config.agents.refresh())).await,
        Question::TestAgent { agent, prompt } => test(&config, &agent, prompt).await,
        Question::Directories { prefix, limit } => {
            let roots: Vec<PathBuf> = config.roots.iter().map(PathBuf::from).collect();
            blocking(move || Answer::Directories(directories::list(&roots, &prefix, limit))).await
        }
        Question::Changes { cwd, base } => {
            blocking(move || match git::changes::since(Path::new(&cwd), base.as_deref()) {
                Ok(changes) => Answer::Changes(changes),
                Err(error) => Answer::refused(error.code(), chain(&error)),
            })
            .await
        }
        Question::MayRemoveWorktree { session: _, path, force } => {
            let look = move || match git::worktree::may_remove(&config.worktree_root, Path::new(&path), force) {
                Ok(()) => Answer::MayRemove {},
                Err(error) => Answer::refused(error.code(), chain(&error)),
            };
            blocking(look).await
        }
        Question::RemoveWorktree { session: _, path, branch, force } => {
            let work = move || match git::worktree::remove(&config.worktree_root, Path::new(&path), &branch, force) {
                Ok(branch) => Answer::Removed { branch_kept: branch == git::worktree::Branch::Kept },
                Err(error) => Answer::refused(error.code(), chain(&error)),
            };
            blocking(work).await
        }
    }
}

async fn test(config: &WorkerConfig, agent: &str, prompt: bool) -> Answer {
    let setup = probe::Setup {
        agents: &config.agents,
        worker: &config.name.0,
        run_root: &config.run_root,
        start_timeout_ms: config.start_timeout_ms,
        line_max: config.line_max,
        prompt,
    };
    match probe::test(setup, agent).await {
        Ok(test) => Answer::Test(Box::new(test)),
        Err(probe::Error::Agent(error)) => Answer::refused(error.code(), error.to_string()),
        Err(error @ probe::Error::System { .. }) => Answer::refused(Code::Internal, chain(&error)),
    }
}

async fn blocking(work: impl FnOnce() -> Answer + Send + 'static) -> Answer {
    spawn_blocking(work).await.unwrap_or_else(|error| Answer::refused(Code::Internal, error.to_string()))
}
