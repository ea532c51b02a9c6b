//! Query strings of the list routes.

use std::fmt::Write as _;

use convene_core::ids::{SessionId, ThreadId, TurnId};

/// Which sessions a page lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionsQuery {
    /// In this state.
    pub state: Option<String>,
    /// Of this agent.
    pub agent: Option<String>,
    /// Of this thread.
    pub thread: Option<ThreadId>,
    /// Spawned by this session.
    pub parent: Option<SessionId>,
    /// Only those that are put away, or only those that are not.
    pub archived: Option<bool>,
    /// Whose title or id fits this.
    pub q: Option<String>,
    /// At most so many.
    pub limit: Option<u32>,
    /// From there on.
    pub cursor: Option<String>,
}

/// Which events a page has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventsQuery {
    /// Those after this `seq`.
    pub after: Option<u64>,
    /// Those before this `seq`, the last ones.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: Option<u32>,
    /// Of these types only.
    pub types: Vec<String>,
    /// Of this turn only.
    pub turn: Option<TurnId>,
    /// Whose texts hold this.
    pub q: Option<String>,
}

impl SessionsQuery {
    pub(super) fn to_path(&self) -> String {
        let mut query = Query::new("/v1/sessions");
        query.add("state", self.state.as_deref());
        query.add("agent", self.agent.as_deref());
        query.add("thread", self.thread.map(|t| t.to_string()).as_deref());
        query.add("parent", self.parent.map(|p| p.to_string()).as_deref());
        query.add("archived", self.archived.map(|a| a.to_string()).as_deref());
        query.add("q", self.q.as_deref());
        query.add("limit", self.limit.map(|l| l.to_string()).as_deref());
        query.add("cursor", self.cursor.as_deref());
        query.path
    }
}

impl EventsQuery {
    pub(super) fn to_path(&self, session: &str) -> String {
        let mut query = Query::new(&format!("/v1/sessions/{}/events", escape(session)));
        query.add("after", self.after.map(|n| n.to_string()).as_deref());
        query.add("before", self.before.map(|n| n.to_string()).as_deref());
        query.add("limit", self.limit.map(|n| n.to_string()).as_deref());
        query.add("type", (!self.types.is_empty()).then(|| self.types.join(",")).as_deref());
        query.add("turn", self.turn.map(|t| t.to_string()).as_deref());
        query.add("q", self.q.as_deref());
        query.path
    }
}

pub(super) struct Query {
    pub(super) path: String,
    empty: bool,
}

impl Query {
    pub(super) fn new(path: &str) -> Self {
        Self { path: path.to_owned(), empty: true }
    }

    pub(super) fn add(&mut self, name: &str, value: Option<&str>) {
        let Some(value) = value else { return };
        self.path.push(if self.empty { '?' } else { '&' });
        self.empty = false;
        self.path.push_str(name);
        self.path.push('=');
        self.path.push_str(&escape(value));
    }
}

/// Percent-encodes everything but the unreserved characters.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
