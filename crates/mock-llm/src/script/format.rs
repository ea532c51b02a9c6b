//! Scripts as people write them. An unknown field is an error.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::Value;

use super::{fill, no_input};
use crate::plan::{Stop, Usage};

/// The most that one text may be repeated: ten million words are a flood, more is a mistake.
const REPEAT_MAX: u64 = 10_000_000;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// The models that there are.
    #[serde(default)]
    pub models: Vec<String>,
    /// The key that is right.
    #[serde(default)]
    pub key: Option<String>,
    /// What happens when no rule holds.
    #[serde(default)]
    pub otherwise: Otherwise,
    /// The first one that holds answers.
    pub rules: Vec<RuleText>,
}

/// What happens when no rule holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Otherwise {
    /// The built-in behavior answers.
    #[default]
    Builtin,
    /// An error, status 500.
    Refuse,
}

/// A rule.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleText {
    /// For the record of what was answered.
    #[serde(default)]
    pub name: Option<String>,
    /// Its conditions; all must hold.
    #[serde(default, rename = "match")]
    pub when: When,
    /// It answers so often.
    #[serde(default)]
    pub repeat: Option<u64>,
    /// What the model does.
    pub steps: Vec<StepText>,
}

/// Conditions.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct When {
    /// The last thing the user said contains this, in any case.
    pub user: Option<String>,
    /// It matches this.
    pub user_regex: Option<String>,
    /// What tools said since then contains this.
    pub tool_result: Option<String>,
    /// It matches this.
    pub tool_result_regex: Option<String>,
    /// The system's text contains this.
    pub system: Option<String>,
    /// The model's name.
    pub model: Option<String>,
    /// Whose API is spoken.
    pub provider: Option<String>,
    /// The number of the user's turn, from 1.
    pub turn: Option<u64>,
    /// Of the requests for which all of that holds, the one of this number, from 1.
    pub call: Option<u64>,
}

/// One thing that the model does; written as `text: …`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepText {
    /// It says something.
    Text(SpeechText),
    /// It thinks.
    Thoughts(SpeechText),
    /// It calls a tool.
    ToolCall(CallText),
    /// It calls whatever shell the request offers.
    Shell(ShellText),
    /// It waits.
    DelayMs(u64),
    /// It fails.
    Error(ErrorText),
    /// The connection breaks.
    Disconnect,
    /// Why the reply stops.
    StopReason(Stop),
    /// What it costs.
    Usage(Usage),
}

impl StepText {
    /// Finds what only makes sense to a machine, or to none.
    pub fn check(&self) -> Result<(), String> {
        match self {
            Self::Text(speech) | Self::Thoughts(speech) => {
                if speech.chunk == Some(0) {
                    return Err("chunk: a piece has at least one character".to_owned());
                }
                if speech.repeat > REPEAT_MAX {
                    return Err(format!("repeat: at most {REPEAT_MAX}"));
                }
                fill::check(&speech.say)
            }
            Self::ToolCall(call) => fill::check_value(&call.input),
            Self::Shell(shell) => fill::check(&shell.command),
            Self::Error(error) if !(400..=599).contains(&error.status) => {
                Err(format!("error: {} is no status of an error; 400 to 599 are", error.status))
            }
            Self::Error(error) => fill::check(&error.message),
            Self::DelayMs(_) | Self::Disconnect | Self::StopReason(_) | Self::Usage(_) => Ok(()),
        }
    }
}

/// A call of a tool.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallText {
    /// The tool.
    pub name: String,
    /// What it is given; a string for tools that take text.
    #[serde(default = "no_input")]
    pub input: Value,
}

/// A failure.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorText {
    /// The HTTP status.
    pub status: u16,
    /// The provider's type of it.
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
    /// For people.
    #[serde(default = "broken")]
    pub message: String,
    /// OpenAI's parameter.
    #[serde(default)]
    pub param: Option<String>,
    /// OpenAI's code.
    #[serde(default)]
    pub code: Option<String>,
    /// The header that says when to try again, in seconds.
    #[serde(default)]
    pub retry_after_s: Option<u64>,
}

fn broken() -> String {
    "the script says so".to_owned()
}

/// Words and their pace; a bare text is words at once.
#[derive(Debug)]
pub struct SpeechText {
    /// The words.
    pub say: String,
    /// Characters in a piece.
    pub chunk: Option<usize>,
    /// The pause between pieces, in milliseconds.
    pub delay_ms: u64,
    /// How often they are said.
    pub repeat: u64,
}

/// A command; a bare text is one.
#[derive(Debug)]
pub struct ShellText {
    /// It.
    pub command: String,
    /// Whether it is to run outside the agent's sandbox.
    pub outside: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SpeechFields {
    say: String,
    #[serde(default)]
    chunk: Option<usize>,
    #[serde(default)]
    delay_ms: u64,
    #[serde(default = "once")]
    repeat: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ShellFields {
    command: String,
    #[serde(default)]
    outside: bool,
}

fn once() -> u64 {
    1
}

/// A text, or fields: told apart by what is there, so that errors name the field.
struct TextOr<T> {
    what: &'static str,
    of_text: fn(String) -> T,
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for TextOr<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.what)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        Ok((self.of_text)(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}

impl<'de> Deserialize<'de> for SpeechText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let of_text = |say| SpeechFields { say, chunk: None, delay_ms: 0, repeat: 1 };
        let fields =
            deserializer.deserialize_any(TextOr { what: "a text, or say, chunk, delay_ms, repeat", of_text })?;
        Ok(Self { say: fields.say, chunk: fields.chunk, delay_ms: fields.delay_ms, repeat: fields.repeat })
    }
}

impl<'de> Deserialize<'de> for ShellText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let of_text = |command| ShellFields { command, outside: false };
        let fields = deserializer.deserialize_any(TextOr { what: "a command, or command and outside", of_text })?;
        Ok(Self { command: fields.command, outside: fields.outside })
    }
}
