//! Answers the server's questions about this machine.

use std::sync::Arc;

use convene_api::{
    problem::Code,
    uplink::{Answer, Question},
};
use tokio::task::spawn_blocking;

use super::WorkerConfig;

/// Answers; whatever blocks runs beside the worker's loop.
pub(super) async fn answer(config: Arc<WorkerConfig>, question: Question) -> Answer {
    match question {
        Question::Detect => blocking(move || Answer::Agents(config.agents.detect())).await,
        Question::TestAgent { .. } => Answer::refused(Code::NotSupportedYet, "agents test is not built yet"),
        Question::Directories { .. } => Answer::refused(Code::NotSupportedYet, "directories are not listed yet"),
        Question::Changes { .. } => Answer::refused(Code::NotSupportedYet, "changes are not built yet"),
        Question::RemoveWorktree { .. } => Answer::refused(Code::NotSupportedYet, "worktrees are not built yet"),
    }
}

async fn blocking(work: impl FnOnce() -> Answer + Send + 'static) -> Answer {
    spawn_blocking(work).await.unwrap_or_else(|error| Answer::refused(Code::Internal, error.to_string()))
}
