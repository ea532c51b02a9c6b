//! What the engine wants of a live runner: derived from events, numbered by the `seq` of the event it comes from.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    content::ContentBlock,
    event::StopMode,
    ids::{ElicitationId, PermissionId, TurnId},
    spec::PermissionMode,
};

/// A directive with its number; a runner that has seen a number ignores it and all before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Directive {
    /// The `seq` of the event it comes from.
    pub seq: u64,
    /// What to do.
    #[serde(flatten)]
    pub order: Order,
}

/// What a runner is to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case")]
pub enum Order {
    /// Hand this prompt to the agent as soon as it can take one.
    Prompt {
        /// The turn.
        turn: TurnId,
        /// The content.
        content: Arc<Vec<ContentBlock>>,
        /// Said once before the first prompt of an agent session that has no other way to take it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        system_prompt: Option<String>,
    },
    /// End this turn.
    Cancel {
        /// The turn.
        turn: TurnId,
    },
    /// Answer this permission request.
    Decide {
        /// The request.
        request: PermissionId,
        /// The chosen option; `None` answers `cancelled`.
        option_id: Option<String>,
    },
    /// Answer this elicitation.
    Answer {
        /// The question.
        request: ElicitationId,
        /// `accept`, `decline`, `cancel`.
        action: String,
        /// The form's content.
        content: Option<Value>,
    },
    /// Change a setting of the agent.
    Configure {
        /// `model`, `mode`, or the id of a config option.
        option: String,
        /// The wanted value.
        value: Value,
    },
    /// From now on the agent may do this through the runner.
    Permissions {
        /// The mode.
        mode: PermissionMode,
    },
    /// Sign in, in one of the ways that the agent offers.
    Authenticate {
        /// The way, by its id.
        method: String,
    },
    /// End the agent and leave, unless there is something that would be lost.
    Hibernate {},
    /// End the agent and leave.
    Stop {
        /// Whether the agent gets time.
        mode: StopMode,
    },
}
