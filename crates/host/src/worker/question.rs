//! Answers the server's questions about this machine.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use convene_api::{
    problem::Code,
    uplink::{Answer, Question},
};
use tokio::task::spawn_blocking;

use super::WorkerConfig;
use crate::{directories, git, keeper::chain, probe};

/// Answers; whatever blocks runs beside the worker's loop.
pub(super) async fn answer(config: Arc<WorkerConfig>, question: Question) -> Answer {
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
        Question::RemoveWorktree { path, branch, force } => {
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
