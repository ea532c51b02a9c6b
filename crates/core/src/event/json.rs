//! Events as JSON text: read from rows and reports, written for rows and clients.
//!
//! Reading and writing are on the path of every piece of text that an agent streams, so the two types that come in
//! floods are read by structs of their own. What serde derives for a tagged enum reads the whole object into a tree
//! first, which costs several times as much.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, de};
use serde_json::{Map, Value};

use super::{Event, EventBody, EventData, KnownEvent};
use crate::{
    content::{Channel, ContentBlock, Role, ToolCall},
    ids::{MessageId, SessionId, TurnId},
};

/// The fields that are not the body's. The last four are the row's: an object that brings its own would contradict the
/// place that it is given.
const ENVELOPE: [&str; 7] = ["turn", "attempt", "command", "session", "seq", "pos", "at"];

/// The fields of [`EventData`] that are not the body's.
#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    turn: Option<TurnId>,
    #[serde(default)]
    attempt: Option<u32>,
    #[serde(default)]
    command: Option<Arc<str>>,
}

impl EventData {
    /// Reads a stored event: a JSON object with a `type`.
    ///
    /// # Errors
    /// If the text is no JSON object, has no `type`, or its `turn`, `attempt` or `command` are malformed. An unknown
    /// type, or a known one with fields that this version cannot read, is no error: it comes back as
    /// [`EventBody::Unknown`].
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        if let Some(data) = from_flood(text) {
            return Ok(data);
        }
        let Envelope { turn, attempt, command } = serde_json::from_str(text)?;
        let body = match serde_json::from_str::<KnownEvent>(text) {
            Ok(known) => EventBody::Known(known),
            Err(_) => {
                let mut map: Map<String, Value> = serde_json::from_str(text)?;
                if !map.get("type").is_some_and(Value::is_string) {
                    return Err(de::Error::missing_field("type"));
                }
                map.retain(|field, _| !ENVELOPE.contains(&field.as_str()));
                EventBody::Unknown(Arc::new(map))
            }
        };
        Ok(Self { turn, attempt, command, body })
    }

    /// Reads an event that a runner reported. Total: what [`from_json`](Self::from_json) refuses becomes a `log_note`
    /// that holds it, so that the index it came under is taken and it is not sent again for ever.
    pub fn from_report(text: &str) -> Self {
        Self::from_json(text).unwrap_or_else(|error| {
            let raw = match serde_json::from_str(text) {
                // An optional field that is null reads back as absent.
                Ok(Value::Null) | Err(_) => Value::String(text.to_owned()),
                Ok(raw) => raw,
            };
            Self::new(KnownEvent::LogNote {
                code: "malformed".to_owned(),
                detail: format!("a reported event could not be read: {error}"),
                raw: Some(raw),
            })
        })
    }

    /// The text that is stored: what `serde_json::to_string` gives, at a third of its price.
    pub fn to_json(&self) -> String {
        let mut out = Vec::with_capacity(256);
        out.push(b'{');
        if let Some(turn) = self.turn {
            field(&mut out, "turn", &turn);
        }
        if let Some(attempt) = self.attempt {
            field(&mut out, "attempt", &attempt);
        }
        if let Some(command) = &self.command {
            field(&mut out, "command", command);
        }
        let start = out.len();
        if start == 1 {
            out.clear();
            write(&mut out, &self.body);
        } else {
            // The body is an object of its own; its opening brace becomes the comma after the envelope.
            write(&mut out, &self.body);
            match out.get(start + 1) {
                Some(b'}') | None => {
                    out.truncate(start);
                    out.push(b'}');
                }
                Some(_) => out[start] = b',',
            }
        }
        String::from_utf8(out).unwrap_or_default()
    }
}

fn field(out: &mut Vec<u8>, name: &str, value: &impl serde::Serialize) {
    if out.len() > 1 {
        out.push(b',');
    }
    write(out, name);
    out.push(b':');
    write(out, value);
}

fn write(out: &mut Vec<u8>, value: &(impl serde::Serialize + ?Sized)) {
    // Cannot fail: a vector takes everything, and our types have text keys only.
    let _written = serde_json::to_writer(out, value);
}

/// The place of an event, as [`wire_json`] writes it.
#[derive(Deserialize)]
struct Read {
    session: SessionId,
    seq: u64,
    pos: u64,
    at: Timestamp,
}

impl Event {
    /// Reads what [`wire_json`] wrote: a line of a stream, a page or an export. The index in the attempt is not in it.
    ///
    /// # Errors
    /// If the text has no place, or is no event ([`EventData::from_json`]).
    pub fn from_wire(text: &str) -> Result<Self, serde_json::Error> {
        let Read { session, seq, pos, at } = serde_json::from_str(text)?;
        Ok(Self { session, seq, pos, at, index: None, data: EventData::from_json(text)? })
    }
}

/// A piece of text, which is what agents send most.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Piece {
    #[serde(rename = "type")]
    _tag: PieceTag,
    #[serde(default)]
    turn: Option<TurnId>,
    #[serde(default)]
    attempt: Option<u32>,
    #[serde(default)]
    command: Option<Arc<str>>,
    message: MessageId,
    role: Role,
    channel: Channel,
    content: Text,
}

#[derive(Deserialize)]
enum PieceTag {
    #[serde(rename = "message_appended")]
    MessageAppended,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    #[serde(rename = "type")]
    _tag: TextTag,
    text: String,
}

#[derive(Deserialize)]
enum TextTag {
    #[serde(rename = "text")]
    Text,
}

/// A change of a tool call, which some agents send by the hundred.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Patch {
    #[serde(rename = "type")]
    _tag: PatchTag,
    #[serde(default)]
    turn: Option<TurnId>,
    #[serde(default)]
    attempt: Option<u32>,
    #[serde(default)]
    command: Option<Arc<str>>,
    tool_call: ToolCall,
}

#[derive(Deserialize)]
enum PatchTag {
    #[serde(rename = "tool_call_updated")]
    ToolCallUpdated,
}

/// Reads the two types that come in floods; `None` for all others, and for these in a shape that is not the usual one.
fn from_flood(text: &str) -> Option<EventData> {
    // A guess by the first `type` that is written as we write it; a wrong one only costs time.
    const TYPE: &str = r#""type":""#;
    let tag = &text[text.find(TYPE)? + TYPE.len()..];
    if tag.starts_with("message_appended\"") {
        let Piece { _tag, turn, attempt, command, message, role, channel, content } =
            serde_json::from_str(text).ok()?;
        let content = ContentBlock::Text { text: content.text };
        let body = KnownEvent::MessageAppended { message, role, channel, content };
        Some(EventData { turn, attempt, command, body: body.into() })
    } else if tag.starts_with("tool_call_updated\"") {
        let Patch { _tag, turn, attempt, command, tool_call } = serde_json::from_str(text).ok()?;
        Some(EventData { turn, attempt, command, body: KnownEvent::ToolCallUpdated { tool_call }.into() })
    } else {
        None
    }
}

/// An event as clients see it: the stored object with its place spliced in front.
///
/// `data` is the stored text, a JSON object; nothing is parsed.
pub fn wire_json(session: SessionId, seq: u64, pos: u64, at: Timestamp, data: &str) -> String {
    let mut place = Place::new(format!(r#"{{"session":"{session}","seq":"#), "");
    place.write(seq, pos, at, data);
    place.text
}

/// Writes events of one session one after the other, as [`wire_json`] does: what they have in common is written once.
#[derive(Debug)]
pub struct Place {
    /// The event that was written last.
    text: String,
    /// How much of it is the same in all.
    same: usize,
    after: &'static str,
    /// The time of the last one, and its text.
    at: Option<(Timestamp, String)>,
}

impl Place {
    /// Events in frames of a topic: `{"topic":…,"event":…}`.
    pub fn in_topic(session: SessionId) -> Self {
        Self::new(format!(r#"{{"topic":"{session}","event":{{"session":"{session}","seq":"#), "}")
    }

    const fn new(text: String, after: &'static str) -> Self {
        Self { same: text.len(), text, after, at: None }
    }

    /// Writes an event.
    pub fn write(&mut self, seq: u64, pos: u64, at: Timestamp, data: &str) -> &str {
        use std::fmt::Write as _;
        let rest = data.trim_start().strip_prefix('{').unwrap_or("}");
        let comma = if rest.trim_start().starts_with('}') { "" } else { "," };
        let at = match &mut self.at {
            Some((of, text)) if *of == at => text,
            old => &mut old.insert((at, at.to_string())).1,
        };
        self.text.truncate(self.same);
        // A string takes everything.
        let _written = write!(self.text, r#"{seq},"pos":{pos},"at":""#);
        for part in [at, r#"""#, comma, rest, self.after] {
            self.text.push_str(part);
        }
        &self.text
    }
}
