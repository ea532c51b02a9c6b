//! What the model is going to do in one reply, whatever API it is asked by.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{fault::Fault, ids, talk::ToolKind};

/// A reply before it is played.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plan {
    /// Where it comes from: a word of the built-in behavior, or the rule's number.
    pub does: String,
    /// In order.
    pub steps: Vec<Step>,
    /// Why the reply stops; by default it follows from the steps.
    pub stop: Option<Stop>,
    /// What the reply costs; by default it is counted.
    pub usage: Usage,
}

/// A thing that the model does.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// It says something.
    Text(Speech),
    /// It thinks.
    Thoughts(Speech),
    /// It calls a tool. Calls one after another are parallel.
    Call(Call),
    /// It is slow.
    Wait(Duration),
    /// It fails: with an HTTP status as the first thing, else in mid-stream.
    Fail(Fault),
    /// The connection breaks.
    Disconnect,
}

/// Words, and the pace at which they come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Speech {
    /// All of them.
    pub text: String,
    /// Characters in one piece; whole words when there is no number.
    pub chunk: Option<usize>,
    /// The pause before each piece but the first.
    pub pause: Duration,
}

impl Speech {
    /// Words without a pause.
    pub fn quick(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// The pieces in which the text is streamed; none is empty.
    pub fn pieces(&self) -> Vec<String> {
        match self.chunk {
            None => self.text.split_inclusive(' ').map(str::to_owned).collect(),
            Some(size) => {
                let chars: Vec<char> = self.text.chars().collect();
                chars.chunks(size.max(1)).map(|piece| piece.iter().collect()).collect()
            }
        }
    }
}

/// A call of a tool.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Call {
    /// Its id without the provider's prefix.
    #[serde(skip)]
    pub id: String,
    /// The tool.
    pub name: String,
    /// How the tool wants to be called.
    pub kind: ToolKind,
    /// What it is given; a string for custom tools.
    pub input: Value,
}

impl Call {
    /// A call with an id of its own.
    pub fn new(name: impl Into<String>, kind: ToolKind, input: Value) -> Self {
        Self { id: ids::fresh(""), name: name.into(), kind, input }
    }
}

/// Why a reply stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// The model has said everything.
    EndTurn,
    /// It waits for tools.
    ToolUse,
    /// The limit of tokens is reached.
    MaxTokens,
    /// One of the request's stop sequences came up.
    #[serde(rename = "stop_sequence")]
    Sequence,
    /// It does not want to, or a filter does not let it.
    Refusal,
}

/// Tokens. What is absent is counted from the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    /// Of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// Of the reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// Of the request, read from a cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_tokens: Option<u64>,
    /// Of the reply, spent on thoughts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thought_tokens: Option<u64>,
}
