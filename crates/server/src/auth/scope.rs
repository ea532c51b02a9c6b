//! What a caller may do. One function decides for all routes, by method and path.

use axum::http::Method;
use convene_api::problem::{Code, Problem};
use convene_core::ids::SessionId;

use super::token::Presented;

/// The namespace of everything, until there are several.
pub const NAMESPACE: &str = "default";

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// What they may.
    pub scope: Scope,
    /// Whose work it is.
    pub owner: String,
    /// Where it goes.
    pub namespace: &'static str,
    /// What they showed; on a socket that stays open it may end.
    pub shown: Presented,
}

/// What a caller may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Everything.
    Owner,
    /// What belongs to one attempt: its uplink, and to read its own session.
    Attempt {
        /// The session.
        session: SessionId,
        /// The attempt.
        attempt: u32,
    },
    /// The uplink of a worker.
    Worker,
}

impl Scope {
    /// What it may, for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Owner => "do everything",
            Self::Attempt { .. } => "act for one attempt",
            Self::Worker => "serve as a worker",
        }
    }
}

impl Caller {
    /// Whether a request is in the caller's scope.
    ///
    /// # Errors
    /// `scope_denied` if it is not.
    pub fn authorize(&self, method: &Method, path: &str) -> Result<(), Problem> {
        let fits = match self.scope {
            Scope::Owner => true,
            Scope::Worker => path == convene_api::uplink::WORKER_PATH,
            Scope::Attempt { session, .. } => {
                path == convene_api::uplink::RUNNER_PATH || (method == Method::GET && reads_session(path, session))
            }
        };
        if fits { Ok(()) } else { Err(self.denied("a token of the owner")) }
    }

    /// The refusal of something that is out of scope.
    pub fn denied(&self, needs: &str) -> Problem {
        Problem::filled(
            Code::ScopeDenied,
            [("has", self.scope.name().into()), ("needs", needs.into()), ("owner", self.owner.clone().into())],
        )
    }
}

/// Whether a path shows one session, named by its full id.
fn reads_session(path: &str, session: SessionId) -> bool {
    let Some(rest) = path.strip_prefix("/v1/sessions/") else { return false };
    let (id, what) = rest.split_once('/').unwrap_or((rest, ""));
    id == session.to_string() && matches!(what, "" | "events" | "history" | "queue" | "permissions" | "health")
}
