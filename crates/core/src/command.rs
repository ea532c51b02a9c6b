//! Requests to change a session; each may be rejected, and then nothing has changed.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use crate::{
    content::ContentBlock,
    event::{EventData, Fork, SessionChanges, StopMode, UnhealthyReason},
    failure::{AttemptExit, StopCause},
    ids::{ElicitationId, InstanceId, PermissionId, ThreadId, TurnId, WorkerName},
    repair::Findings,
    session::{Doubt, Rewind},
    spec::{Origin, SessionSpec, TurnSource},
};

/// What a new session is made of.
#[derive(Debug, Clone)]
pub struct Create {
    /// What is wanted.
    pub spec: SessionSpec,
    /// Its thread.
    pub thread: ThreadId,
    /// Who makes it.
    pub owner: String,
    /// Whose it is.
    pub namespace: String,
    /// Where it comes from.
    pub origin: Origin,
    /// Its title; empty takes the prompt's first line.
    pub title: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Its first prompt, if it has one.
    pub prompt: Option<NewPrompt>,
    /// The session whose conversation it goes on with, if it is a fork.
    pub fork: Option<Fork>,
}

/// A prompt with the id of its turn.
#[derive(Debug, Clone)]
pub struct NewPrompt {
    /// The turn's id, from the caller's id source.
    pub turn: TurnId,
    /// What is said.
    pub content: Arc<Vec<ContentBlock>>,
    /// Where it comes from.
    pub source: TurnSource,
}

/// What happens to a prompt when a turn is running.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BusyMode {
    /// It waits.
    #[default]
    Queue,
    /// The running turn is cancelled and it goes first; what waited goes on waiting.
    Interrupt,
}

/// Which time a turn is out of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// It ran longer than the session's `timeout`.
    Timeout,
    /// Nothing happened in it for longer than the session's `inactivity_timeout`.
    Inactivity,
}

/// What somebody picks for a permission request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// One of the agent's options, by id.
    Option(String),
    /// The first option of a kind, else of its milder or stronger sibling.
    Kind(crate::event::Decision),
}

/// A request to change a session.
#[derive(Debug, Clone)]
pub enum Command {
    /// Say something to the agent.
    Prompt {
        /// What.
        prompt: NewPrompt,
        /// What happens when a turn is running.
        busy: BusyMode,
    },
    /// Change the text of a prompt that waits, or its place.
    EditQueued {
        /// The entry.
        turn: TurnId,
        /// The new content, if it changes.
        content: Option<Arc<Vec<ContentBlock>>>,
        /// The new place, from 1, if it changes.
        position: Option<usize>,
    },
    /// Take back a prompt that waits.
    DropQueued {
        /// The entry.
        turn: TurnId,
        /// Who.
        by: String,
    },
    /// End the running turn.
    Cancel {
        /// The turn that is meant, if the caller names it.
        turn: Option<TurnId>,
        /// Who.
        by: String,
    },
    /// End the session.
    Stop {
        /// Why.
        cause: StopCause,
        /// Whether the agent gets time.
        mode: StopMode,
        /// For people.
        message: Option<String>,
        /// Who.
        by: String,
    },
    /// Change what is wanted; settings of a live agent become directives.
    Change {
        /// What changes.
        changes: SessionChanges,
    },
    /// Answer a permission request.
    Decide {
        /// The request.
        request: PermissionId,
        /// The answer.
        choice: Choice,
        /// Said with it.
        message: Option<String>,
        /// Who.
        by: String,
    },
    /// Answer an elicitation.
    Answer {
        /// The question.
        request: ElicitationId,
        /// `accept`, `decline`, `cancel`.
        action: String,
        /// The form's content.
        content: Option<Value>,
        /// Who.
        by: String,
    },
    /// Sign in to an agent that waits for it.
    SignIn {
        /// One of the ways that the agent offers, by its id.
        method: String,
        /// Who.
        by: String,
    },
    /// Give a session that has no runner one, without a prompt.
    Resume {
        /// Who.
        by: String,
    },
    /// End the agent of an idle session until there is a prompt.
    Hibernate {
        /// Also if the agent can neither resume nor load its conversation and will have to be told of it.
        recap: bool,
        /// Who: a person, a program, `idle`, `seats`.
        by: String,
    },
    /// Begin the conversation anew.
    Clear {
        /// Who.
        by: String,
    },
    /// Take the conversation back to before a prompt.
    Rewind {
        /// Which, as the log has it.
        to: Rewind,
        /// Who.
        by: String,
    },
    /// Close what a log that was cut short left open.
    Repair {
        /// What was found in it.
        findings: Box<Findings>,
        /// Of a log that could not be read to its end: what nobody can tell of the session any more.
        doubt: Option<Doubt>,
        /// The last event of the log that was looked at.
        expected: u64,
        /// Who.
        by: String,
    },
    /// Put a session away that has no runner.
    Archive,
    /// Bring it back.
    Unarchive,
    /// Remove a session that has no runner.
    Delete {
        /// Also if its log is damaged, so that nobody can say what there is to lose.
        damaged: bool,
        /// Who.
        by: String,
    },

    /// Remove a session that nobody has used since somebody looked at it.
    Prune {
        /// Its last event then.
        expected: u64,
        /// Who.
        by: String,
    },

    /// The dispatcher found a seat.
    Assign {
        /// The worker.
        worker: WorkerName,
        /// The highest number of an attempt of the session that workers told of: the new one gets a higher one.
        above: u32,
    },
    /// The dispatcher found none.
    Wait {
        /// A short code.
        reason: String,
        /// For people.
        detail: String,
    },
    /// The worker would not take the attempt.
    Refuse {
        /// The attempt.
        attempt: u32,
        /// A problem code.
        code: String,
        /// For people.
        detail: String,
    },
    /// A runner says hello.
    Hello {
        /// Its attempt.
        attempt: u32,
        /// Its process.
        instance: InstanceId,
        /// Its version.
        version: String,
    },
    /// A runner, or the worker on behalf of a dead one, reports what happened.
    Report {
        /// Its attempt.
        attempt: u32,
        /// The process that reports.
        instance: InstanceId,
        /// The index of the first event.
        first_index: u64,
        /// The events, gapless.
        events: Vec<EventData>,
    },
    /// The attempt is over and its tail is in.
    EndAttempt {
        /// The attempt.
        attempt: u32,
        /// How it ended.
        exit: AttemptExit,
    },
    /// The running turn is out of time.
    ExpireTurn {
        /// The turn that was meant.
        turn: TurnId,
        /// Which time.
        why: Expiry,
    },
    /// Nothing happens in the running turn.
    WarnTurn {
        /// The turn that was meant.
        turn: TurnId,
    },
    /// Something is not as it should be.
    FallIll {
        /// What.
        reason: UnhealthyReason,
        /// For people.
        detail: String,
    },
    /// It is as it should be again.
    Recover {
        /// What.
        reason: UnhealthyReason,
    },
    /// Nobody answered a permission request in time.
    ExpirePermission {
        /// The request.
        request: PermissionId,
    },
}

impl Command {
    /// The attempt that it comes from or is about; a stale one is fenced.
    pub const fn attempt(&self) -> Option<u32> {
        match self {
            Self::Refuse { attempt, .. }
            | Self::Hello { attempt, .. }
            | Self::Report { attempt, .. }
            | Self::EndAttempt { attempt, .. } => Some(*attempt),
            Self::Prompt { .. }
            | Self::EditQueued { .. }
            | Self::DropQueued { .. }
            | Self::Cancel { .. }
            | Self::Stop { .. }
            | Self::Change { .. }
            | Self::Decide { .. }
            | Self::Answer { .. }
            | Self::SignIn { .. }
            | Self::Resume { .. }
            | Self::Hibernate { .. }
            | Self::Clear { .. }
            | Self::Rewind { .. }
            | Self::Repair { .. }
            | Self::Archive
            | Self::Unarchive
            | Self::Delete { .. }
            | Self::Prune { .. }
            | Self::Assign { .. }
            | Self::Wait { .. }
            | Self::ExpireTurn { .. }
            | Self::WarnTurn { .. }
            | Self::FallIll { .. }
            | Self::Recover { .. }
            | Self::ExpirePermission { .. } => None,
        }
    }

    /// Its name for people, as in "cannot … a session that is …".
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Prompt { .. } => "prompt",
            Self::EditQueued { .. } => "edit the queue of",
            Self::DropQueued { .. } => "drop from the queue of",
            Self::Cancel { .. } => "cancel a turn of",
            Self::Stop { .. } => "stop",
            Self::Change { .. } => "change",
            Self::Decide { .. } => "decide for",
            Self::Answer { .. } => "answer",
            Self::SignIn { .. } => "sign in to",
            Self::Resume { .. } => "resume",
            Self::Hibernate { .. } => "hibernate",
            Self::Clear { .. } => "clear",
            Self::Rewind { .. } => "rewind",
            Self::Repair { .. } => "repair",
            Self::Archive => "archive",
            Self::Unarchive => "unarchive",
            Self::Delete { .. } => "delete",
            Self::Prune { .. } => "prune",
            Self::Assign { .. } => "assign",
            Self::Wait { .. } => "defer",
            Self::Refuse { .. } => "refuse",
            Self::Hello { .. } => "start",
            Self::Report { .. } => "report to",
            Self::EndAttempt { .. } => "end an attempt of",
            Self::ExpireTurn { .. } => "time out",
            Self::WarnTurn { .. } => "warn of",
            Self::FallIll { .. } => "find fault with",
            Self::Recover { .. } => "find well",
            Self::ExpirePermission { .. } => "time out a request of",
        }
    }
}
