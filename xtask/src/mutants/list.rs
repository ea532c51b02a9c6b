//! What is broken: a line that is in the product once, and what stands in its place.

/// One broken line.
pub struct Mutant {
    /// By which it is asked for.
    pub name: &'static str,
    /// What the product does with it.
    pub what: &'static str,
    /// Where it is.
    pub file: &'static str,
    /// The line.
    pub from: &'static str,
    /// What stands in its place.
    pub to: &'static str,
}

/// All of them.
pub const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "fence",
        what: "whoever reports is believed",
        file: "crates/core/src/session/report.rs",
        from: "d.state.phase.attempt().filter(|a| a.number == attempt && a.instance == Some(instance));",
        to: "d.state.phase.attempt();",
    },
    Mutant {
        name: "publish",
        what: "what the store refused is published",
        file: "crates/engine/src/sequencer.rs",
        from: "let Err(error) = result else {",
        to: "let Err(error) = result.or_else(|_| Ok::<(), convene_store::Error>(())) else {",
    },
    Mutant {
        name: "dedupe",
        what: "what is sent again is appended again",
        file: "crates/core/src/session/report.rs",
        from: "if index < d.state.next_index {",
        to: "if false {",
    },
    Mutant {
        name: "expiry",
        what: "a server that has just come up expires at once",
        file: "crates/engine/src/reconcile/awake.rs",
        from: "let settled = since >= self.up || now.as_second() - self.up.as_second() >= LEASE;",
        to: "let settled = true;",
    },
    Mutant {
        name: "marker",
        what: "nobody reads the marker of a dead runner",
        file: "crates/core/src/session/attempt.rs",
        from: "turn.handed_over_at.is_some() || over.exit.handed_over == Some(turn.id)",
        to: "turn.handed_over_at.is_some()",
    },
    Mutant {
        name: "recorded",
        what: "the answer to a key is not recorded",
        file: "crates/engine/src/draft.rs",
        from: "self.group.replies.push(",
        to: "drop(",
    },
    Mutant {
        name: "landed",
        what: "a commit whose answer was lost is taken for failed",
        file: "crates/engine/src/draft.rs",
        from: "is_some_and(|row| row.seq >= published.state.seq)",
        to: "is_some_and(|row| row.seq > published.state.seq)",
    },
    Mutant {
        name: "speculative",
        what: "an item is decided on the committed state, whatever its group has decided",
        file: "crates/engine/src/sequencer.rs",
        from: "let published = match draft.sessions.get(&id) {",
        to: "let published = match draft.sessions.get(&id).filter(|_| false) {",
    },
    Mutant {
        name: "cursor",
        what: "a reader of the store begins one event too late",
        file: "crates/engine/src/read/log.rs",
        from: "EventFilter { after: Some(self.after), limit",
        to: "EventFilter { after: Some(self.after + 1), limit",
    },
    Mutant {
        name: "tail",
        what: "the tail in memory is believed to begin one event earlier",
        file: "crates/store/src/feed.rs",
        from: "Some(first) if first.seq <= after + 1 => {",
        to: "Some(first) if first.seq <= after + 2 => {",
    },
    Mutant {
        name: "decided",
        what: "a question that was answered stays open",
        file: "crates/core/src/session/apply.rs",
        from: "                self.permissions.remove(request);\n",
        to: "",
    },
];
