//! What a caller may do. One function decides for all routes, by method and path.

use std::sync::Arc;

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
    /// The name of the API token that they showed.
    pub token_name: Option<Arc<str>>,
}

/// What a caller may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// As a person or a program through the API, up to this level.
    Person(Level),
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

/// How far a person or a program may go; each level has all of those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// See everything but who may come in.
    Read,
    /// Answer what agents ask.
    Approve,
    /// Make, prompt, change and end sessions and threads.
    Write,
    /// Everything: tokens, the audit log, the server itself.
    Admin,
}

impl Level {
    /// All of them, by the names that tokens have.
    pub const NAMES: [(&str, Self); 4] =
        [("read", Self::Read), ("approve", Self::Approve), ("write", Self::Write), ("admin", Self::Admin)];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Approve => "approve",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }

    /// What a request wants.
    fn wanted(method: &Method, path: &str) -> Self {
        let mut parts = path.strip_prefix("/v1/").unwrap_or_default().split('/');
        let is_reading = matches!(*method, Method::GET | Method::HEAD);
        match (parts.next().unwrap_or_default(), parts.nth(1)) {
            ("tokens" | "audit" | "shutdown" | "login" | "uplink", _) => Self::Admin,
            ("logout", _) => Self::Read,
            _ if is_reading => Self::Read,
            ("sessions", Some("permissions" | "elicitations")) => Self::Approve,
            _ => Self::Write,
        }
    }
}

impl Scope {
    /// The scope of an API token by the name in its row.
    pub fn of_token(name: &str) -> Option<Self> {
        if name == "worker" {
            return Some(Self::Worker);
        }
        // The name that tokens without limits had at first.
        let name = if name == "owner" { "admin" } else { name };
        let level = Level::NAMES.iter().find(|(known, _)| *known == name)?.1;
        Some(Self::Person(level))
    }

    /// The name that its tokens have.
    pub const fn token_name(self) -> &'static str {
        match self {
            Self::Person(level) => level.name(),
            Self::Attempt { .. } => "attempt",
            Self::Worker => "worker",
        }
    }

    /// What it may, for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Person(Level::Read) => "read",
            Self::Person(Level::Approve) => "read, and answer what agents ask",
            Self::Person(Level::Write) => "work with sessions",
            Self::Person(Level::Admin) => "do everything",
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
        let wanted = Level::wanted(method, path);
        let fits = match self.scope {
            Scope::Person(level) => level >= wanted,
            Scope::Worker => path == convene_api::uplink::WORKER_PATH,
            Scope::Attempt { session, .. } => {
                path == convene_api::uplink::RUNNER_PATH || (method == Method::GET && reads_session(path, session))
            }
        };
        if fits { Ok(()) } else { Err(self.denied(&format!("a token with the scope {}", wanted.name()))) }
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

#[cfg(test)]
#[path = "scope_tests.rs"]
mod tests;
