//! Requests that a watch sends while it goes on watching.

use std::pin::Pin;

use convene_api::{
    body::{AnswerElicitation, CancelTurn, DecidePermission, DecisionInput},
    client::{Client, ClientError, CommandKey},
    problem::{Code, Problem},
};
use convene_core::ids::{ElicitationId, PermissionId, SessionId, TurnId};

/// A request on its way.
pub type Action = Pin<Box<dyn Future<Output = Done>>>;

/// What became of it.
pub enum Done {
    /// It is done; its effect comes as an event.
    Fine,
    /// It was refused.
    Refused {
        /// Why.
        problem: Problem,
        /// Whether the question is asked again.
        retry: bool,
    },
}

fn done<T>(result: Result<T, ClientError>, retry: bool) -> Done {
    match result {
        Ok(_) => Done::Fine,
        Err(error) => Done::Refused { problem: error.into_problem(), retry },
    }
}

/// Picks one of the agent's options.
pub fn decide(client: Client, id: SessionId, request: PermissionId, option: String, key: CommandKey) -> Action {
    Box::pin(async move {
        let body = DecidePermission { option_id: Some(option), decision: None, message: None };
        done(client.decide(id, request, &body, &key).await, true)
    })
}

/// Rejects because nobody can answer.
pub fn reject(
    client: Client,
    id: SessionId,
    request: PermissionId,
    decision: DecisionInput,
    key: CommandKey,
) -> Action {
    Box::pin(async move {
        let message = Some("nobody could answer".to_owned());
        let body = DecidePermission { option_id: None, decision: Some(decision), message };
        done(client.decide(id, request, &body, &key).await, false)
    })
}

/// Answers a question of the agent.
pub fn answer(
    client: Client,
    id: SessionId,
    request: ElicitationId,
    body: AnswerElicitation,
    key: CommandKey,
) -> Action {
    Box::pin(async move { done(client.answer(id, request, &body, &key).await, true) })
}

/// Cancels the turn; one that only waits is taken out of the queue.
pub fn cancel(client: Client, id: SessionId, turn: Option<TurnId>, key: CommandKey) -> Action {
    Box::pin(async move {
        let result = client.cancel(id, &CancelTurn { turn }, &key).await;
        match (result, turn) {
            (Err(ClientError::Problem(problem)), Some(turn)) if problem.code == Code::NothingRunning => {
                done(client.drop_queued(id, turn, &CommandKey::fresh()).await, false)
            }
            (result, _) => done(result, false),
        }
    })
}
