//! Requests that a watch sends while it goes on watching.

use std::pin::Pin;

use convene_api::{
    body::{
        AnswerElicitation, Authenticate, CancelTurn, DecidePermission, DecisionInput, PromptInput, PromptMode,
        PromptStatus, SendPrompt,
    },
    client::{Client, ClientError, CommandKey},
    problem::{Code, Problem},
};
use convene_core::ids::{ElicitationId, PermissionId, SessionId, TurnId};

use crate::{
    commands::{self, queue::Change},
    failure::Failure,
    render::style::Style,
};

/// A request on its way.
pub type Action = Pin<Box<dyn Future<Output = Done>>>;

/// What became of it.
pub enum Done {
    /// It is done; its effect comes as an event.
    Fine,
    /// The turn is asked to end.
    Cancelling,
    /// It is done, and this is to be said.
    Said(Vec<String>),
    /// What was typed was not taken.
    NotTaken {
        /// Why.
        problem: Problem,
        /// What was typed.
        typed: String,
    },
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

/// Sends a prompt; one that waits is said to wait.
pub fn prompt(
    client: Client,
    id: SessionId,
    (text, mode): (String, PromptMode),
    key: CommandKey,
    typed: String,
) -> Action {
    Box::pin(async move {
        let body = SendPrompt { content: PromptInput::Text(text), mode };
        match client.prompt(id, &body, &key).await {
            Ok(accepted) if accepted.status == PromptStatus::Queued => {
                Done::Said(vec![commands::prompt::said(&accepted)])
            }
            Ok(_) => Done::Fine,
            Err(error) => Done::NotTaken { problem: error.into_problem(), typed },
        }
    })
}

/// Cancels whatever turn runs.
pub fn cancel_running(client: Client, id: SessionId, key: CommandKey, typed: String) -> Action {
    Box::pin(async move {
        match client.cancel(id, &CancelTurn::default(), &key).await {
            Ok(_) => Done::Said(vec!["cancelling".to_owned()]),
            Err(error) => Done::NotTaken { problem: error.into_problem(), typed },
        }
    })
}

/// Lists what waits, or changes it.
pub fn queue(
    client: Client,
    id: SessionId,
    change: Option<(String, Change)>,
    key: CommandKey,
    typed: String,
) -> Action {
    Box::pin(async move {
        let result = async {
            let session = client.session(&id.to_string()).await?;
            match change {
                Some((entry, change)) => {
                    Ok(vec![commands::queue::apply(&client, &session, &entry, change, &key).await?])
                }
                None => commands::queue::rows(&client, &session).await,
            }
        };
        said(result.await, typed)
    })
}

/// Changes what is wanted of the session. What the agent refuses comes as an event.
pub fn set(
    client: Client,
    id: SessionId,
    pairs: Vec<(String, String)>,
    style: Style,
    key: CommandKey,
    typed: String,
) -> Action {
    Box::pin(async move {
        let result = async {
            let session = client.session(&id.to_string()).await?;
            let change = commands::set::Change::new(&session, &pairs)?;
            Ok(change.apply(&client, &session, &key, style).await?.said)
        };
        said(result.await, typed)
    })
}

fn said(result: Result<Vec<String>, Failure>, typed: String) -> Done {
    match result {
        Ok(rows) => Done::Said(rows),
        Err(Failure::Problem(problem)) => Done::NotTaken { problem: *problem, typed },
        Err(Failure::ReaderGone | Failure::Said(_)) => Done::Fine,
    }
}

/// Signs in to the agent.
pub fn authenticate(client: Client, id: SessionId, body: Authenticate, key: CommandKey) -> Action {
    Box::pin(async move { done(client.authenticate(id, &body, &key).await, true) })
}

/// Cancels the turn; one that only waits is taken out of the queue.
pub fn cancel(client: Client, id: SessionId, turn: Option<TurnId>, key: CommandKey) -> Action {
    Box::pin(async move {
        let result = client.cancel(id, &CancelTurn { turn }, &key).await;
        let done = match (result, turn) {
            (Err(ClientError::Problem(problem)), Some(turn)) if problem.code == Code::NothingRunning => {
                done(client.drop_queued(id, turn, &CommandKey::fresh()).await, false)
            }
            (result, _) => done(result, false),
        };
        if matches!(done, Done::Fine) { Done::Cancelling } else { done }
    })
}
