//! A problem as a reply, and everything that becomes one.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use convene_api::problem::{CONTENT_TYPE, Code, Problem};
use convene_core::{Timestamp, event::Decision, ids::SessionId, rejection::Rejection};
use convene_engine::{Error, storage};
use serde_json::Value;

use crate::incident::{self, Incident};

/// The reply that says no.
#[derive(Debug)]
pub struct Refusal {
    /// Why.
    pub problem: Problem,
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self { problem }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        About::default().refuse(error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut problem = self.problem;
        if problem.code == Code::Internal && !problem.fields.contains_key("id") {
            let incident = incident::report("a request failed");
            tracing::error!(incident = incident.id, detail = %problem.detail, "a request failed by a bug");
            problem = internal(&incident);
        }
        let problem = &problem;
        let status = StatusCode::from_u16(problem.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_string(problem).unwrap_or_default();
        let mut response =
            (status, [(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE))], body).into_response();
        let retry = if problem.code == Code::Unavailable {
            Some("1")
        } else if matches!(problem.code, Code::StorageFull | Code::StorageFailed) {
            Some("5")
        } else {
            None
        };
        if let Some(seconds) = retry {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(seconds));
        }
        if problem.code == Code::AuthRequired {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        // For the audit log.
        response.extensions_mut().insert(problem.code);
        response
    }
}

/// What a request is about, for the words of its refusal.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// The session.
    pub session: Option<SessionId>,
    /// Its agent.
    pub agent: String,
    /// The time, for "3 s ago".
    pub now: Option<Timestamp>,
}

/// A part of a session's log is not as it was written; the others are whole.
fn damaged(session: SessionId, why: &str) -> Problem {
    Problem::new(Code::SessionDamaged, format!("the log of {session} is damaged: {why}"))
        .hint(format!("`convene logs {session}` shows what can be read"))
        .with("id", session.to_string())
}

impl About {
    /// The engine's error as a reply.
    pub fn refuse(&self, error: Error) -> Refusal {
        let problem = match error {
            Error::Rejected(rejection) => self.rejected(rejection),
            Error::SessionNotFound(id) => no_session(&id.to_string()),
            Error::ThreadNotFound(id) => no_thread(&id.to_string()),
            Error::ThreadEmpty(id) => Problem::new(Code::WrongState, format!("thread {id} has no session to prompt"))
                .hint("create one with its thread_id"),
            Error::IdempotencyConflict => Problem::filled(Code::IdempotencyConflict, []),
            Error::Damaged { session, why } => damaged(session, &why),
            Error::Store(error) => match (self.session, &*error) {
                (Some(session), storage::Error::Damaged { what, why }) => damaged(session, &format!("{what}: {why}")),
                (_, error) => crate::error::store(error),
            },
            Error::Stopped => Problem::filled(Code::Unavailable, [("state", "stopping".into())]),
        };
        Refusal { problem }
    }

    fn id(&self) -> Value {
        self.session.map_or_else(|| "the session".into(), |id| id.to_string().into())
    }

    fn rejected(&self, rejection: Rejection) -> Problem {
        let id = self.id();
        match rejection {
            Rejection::WrongState { command, state } => {
                let next = match command {
                    "archive" | "delete" => format!("stop it first: `convene stop {}`", self.id_text()),
                    _ => format!("see `convene show {}`", self.id_text()),
                };
                let fields = [("cmd", command.into()), ("state", state.into()), ("next", next.into())];
                Problem::filled(Code::WrongState, fields)
            }
            Rejection::NeedsYou { command } => {
                Problem::new(Code::WrongState, format!("cannot {command} a session that needs you"))
                    .hint(format!("answer it first: `convene show {}`", self.id_text()))
            }
            Rejection::WouldForget => Problem::new(
                Code::WrongState,
                format!("{} can neither resume nor load its conversation, so it stays awake", self.agent),
            )
            .hint(format!("with a recap instead: `convene hibernate {} --recap`", self.id_text())),
            Rejection::Archived => Problem::filled(Code::SessionArchived, [("id", id)]),
            Rejection::Stopping { .. } => Problem::filled(Code::SessionStopping, [("id", id)]),
            Rejection::NothingRunning => Problem::filled(Code::NothingRunning, [("id", id)]),
            Rejection::NotThatTurn { turn } => {
                Problem::new(Code::NothingRunning, format!("{turn} is not the running turn of {}", self.id_text()))
                    .with("turn", turn.to_string())
            }
            Rejection::PromptEmpty => Problem::filled(Code::PromptEmpty, []),
            Rejection::SessionLimit { live, max } => {
                Problem::filled(Code::SessionLimit, [("n", live.into()), ("max", max.into())])
            }
            Rejection::QueueFull { length } => Problem::filled(Code::QueueFull, [("n", length.into()), ("id", id)]),
            Rejection::QueueEntryNotFound { turn } => {
                Problem::filled(Code::QueueEntryNotFound, [("n", turn.to_string().into()), ("id", id)])
            }
            Rejection::QueuePosition { position, length } => {
                invalid("position", format!("the queue has places 1 to {length}, not {position}"))
            }
            Rejection::PermissionNotFound { request } => {
                Problem::filled(Code::PermissionNotFound, [("req", request.to_string().into()), ("id", id)])
            }
            Rejection::PermissionAlreadyDecided { request, by, decision, at } => Problem::filled(
                Code::PermissionAlreadyDecided,
                [
                    ("who", by.into()),
                    ("decision", verb(decision).into()),
                    ("ago", self.ago(at).into()),
                    ("at", at.to_string().into()),
                    ("request", request.to_string().into()),
                ],
            ),
            Rejection::PermissionOptionInvalid { wanted, offered } => Problem::filled(
                Code::PermissionOptionInvalid,
                [("agent", self.agent.clone().into()), ("option", wanted.into()), ("list", offered.into())],
            ),
            Rejection::ElicitationNotFound { request } => {
                Problem::filled(Code::PermissionNotFound, [("req", request.to_string().into()), ("id", id)])
            }
            Rejection::NoSignInWanted => {
                Problem::new(Code::WrongState, format!("the agent of {} does not wait for a sign-in", self.id_text()))
                    .hint(format!("see `convene show {}`", self.id_text()))
            }
            Rejection::SignInUnknown { method, offered } => Problem::filled(
                Code::InvalidRequest,
                [
                    ("field", "method_id".into()),
                    ("why", format!("the agent offers no sign-in {method:?}").into()),
                    ("allowed", offered.into()),
                ],
            ),
            Rejection::ConfigOptionUnknown { option, known } => Problem::filled(
                Code::ConfigOptionUnknown,
                [("agent", self.agent.clone().into()), ("key", option.into()), ("list", known.into())],
            ),
            Rejection::ConfigValueUnknown { option, value, known } if option == "model" => Problem::filled(
                Code::ModelUnknown,
                [("agent", self.agent.clone().into()), ("m", value.into()), ("list", known.into())],
            ),
            Rejection::ConfigValueUnknown { option, value, known } => Problem::filled(
                Code::InvalidRequest,
                [
                    ("field", option.into()),
                    ("why", format!("it does not take {value}").into()),
                    ("allowed", known.into()),
                ],
            ),
            Rejection::Fenced { attempt } => {
                Problem::new(Code::TokenInvalid, format!("attempt {attempt} is not the current one"))
            }
            Rejection::IndexGap { expected, first } => {
                Problem::new(Code::InvalidRequest, format!("events from {expected} on are missing, {first} came"))
            }
            Rejection::Moved { expected, seq } => Problem::new(
                Code::WrongState,
                format!("the log of {} has gone on: {expected} was its last event, now it is {seq}", self.id_text()),
            )
            .hint(format!("look again, then repeat it: `convene show {}`", self.id_text()))
            .with("seq", seq),
            Rejection::LogIsWhole => Problem::filled(Code::NothingToRepair, [("id", id)]),
            Rejection::Unrepairable { why } => {
                let text = self.id_text();
                Problem::new(Code::SessionDamaged, format!("the log of {text} cannot be repaired: {why}"))
                    .hint(format!(
                        "`convene logs {text}` shows what can be read, `convene rm --force {text}` removes it"
                    ))
                    .with("id", id)
            }
            Rejection::WantsForce => {
                let text = self.id_text();
                Problem::new(Code::WrongState, format!("{text} did not end by a crash, but its last turn has no end"))
                    .hint(format!("close it all the same: `convene repair {text} --force`"))
            }
            Rejection::Nothing => invalid("body", "nothing would change"),
        }
    }

    fn id_text(&self) -> String {
        self.session.map_or_else(|| "ID".to_owned(), |id| id.short())
    }

    fn ago(&self, at: Timestamp) -> String {
        let Some(now) = self.now else { return format!("at {at}") };
        match now.as_second() - at.as_second() {
            seconds @ 120.. => format!("{} min ago", seconds / 60),
            seconds => format!("{} s ago", seconds.max(0)),
        }
    }
}

/// What somebody did, as in "alex … it 3 s ago".
const fn verb(decision: Decision) -> &'static str {
    match decision {
        Decision::AllowOnce => "allowed",
        Decision::AllowAlways => "always allowed",
        Decision::RejectOnce => "rejected",
        Decision::RejectAlways => "always rejected",
        Decision::Other => "answered",
        Decision::Cancelled => "cancelled",
    }
}

/// A bug of ours, by its number.
pub fn internal(incident: &Incident) -> Problem {
    let file = incident.file.as_ref().map_or_else(|| "the server's log".to_owned(), |file| file.display().to_string());
    Problem::filled(Code::Internal, [("id", incident.id.clone().into()), ("file", file.into())])
}

/// There is no such session.
pub fn no_session(id: &str) -> Problem {
    Problem::filled(Code::SessionNotFound, [("id", id.into())])
}

/// There is no such thread.
pub fn no_thread(id: &str) -> Problem {
    Problem::filled(Code::ThreadNotFound, [("id", id.into())])
}

/// A field that is not as it should be.
pub fn invalid(field: &str, why: impl Into<String>) -> Problem {
    Problem::filled(Code::InvalidRequest, [("field", field.into()), ("why", why.into().into())])
}

/// Something on the list of names that is not built.
pub fn not_built(what: &str, instead: &str) -> Problem {
    let problem = Problem::filled(Code::NotSupportedYet, [("what", what.into())]);
    if instead.is_empty() { problem } else { problem.hint(instead) }
}

/// A cursor that says nothing here any more.
pub fn cursor_too_old(detail: impl Into<String>) -> Problem {
    Problem::new(Code::CursorTooOld, detail).hint("start from the snapshot")
}
