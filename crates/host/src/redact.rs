//! Takes registered secret values out of everything that leaves the runner, also when they come in pieces.

use std::borrow::Cow;

use convene_core::{
    content::{Channel, ContentBlock, Role},
    event::{EventBody, EventData, KnownEvent},
    ids::{MessageId, TurnId},
};

/// What stands where a secret stood.
pub const MARK: &str = "[redacted]";

/// Shorter values are no secrets: they would blot out words.
const SHORTEST: usize = 8;

/// Knows the secrets of an attempt.
#[derive(Default)]
pub struct Redactor {
    /// As they are.
    plain: Vec<String>,
    /// As they look inside of a JSON string, and inside of a JSON string inside of one, where that differs.
    escaped: Vec<String>,
    /// Ends of texts that may be the beginning of a secret.
    held: Vec<Held>,
}

struct Held {
    turn: Option<TurnId>,
    message: MessageId,
    role: Role,
    channel: Channel,
    text: String,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redactor").field("secrets", &self.plain.len()).finish_non_exhaustive()
    }
}

/// Whether the name of an environment variable says that its value is a secret.
pub fn names_a_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let is_place = ["_SOCK", "_FILE", "_PATH", "_DIR", "_URL", "_HELPER"].iter().any(|end| name.ends_with(end));
    let says_so = ["KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL", "AUTH", "COOKIE"];
    !is_place && says_so.iter().any(|word| name.contains(word))
}

impl Redactor {
    /// Registers a secret; each of its lines is one, too.
    pub fn register(&mut self, secret: &str) {
        for value in std::iter::once(secret).chain(secret.lines()).map(str::trim) {
            if value.len() < SHORTEST || self.plain.iter().any(|known| known == value) {
                continue;
            }
            self.plain.push(value.to_owned());
            let once = escape(value);
            let twice = escape(&once);
            for form in [value.to_owned(), once, twice] {
                if !self.escaped.contains(&form) {
                    self.escaped.push(form);
                }
            }
        }
        // The longest first, so that a secret within a secret does not leave the rest of it behind.
        self.plain.sort_by_key(|value| std::cmp::Reverse(value.len()));
        self.escaped.sort_by_key(|value| std::cmp::Reverse(value.len()));
    }

    /// A text without secrets.
    pub fn scrub<'a>(&self, text: &'a str) -> Cow<'a, str> {
        replace(text, &self.plain)
    }

    /// A JSON text without secrets; it stays JSON.
    pub fn scrub_json<'a>(&self, json: &'a str) -> Cow<'a, str> {
        replace(json, &self.escaped)
    }

    /// The beginning of a text, at most `max` bytes of it, without secrets and without beginnings of secrets.
    pub fn excerpt(&self, text: &str, max: usize) -> String {
        let clean = self.scrub(text);
        if clean.len() <= max {
            return clean.into_owned();
        }
        let end = (0..=max).rev().find(|at| clean.is_char_boundary(*at)).unwrap_or(0);
        let cut = &clean[..end];
        format!("{}…", &cut[..cut.len() - self.suspect_suffix(cut)])
    }

    /// Passes an event on, with what was held back before it. The end of a message's text stays here if it may be the
    /// beginning of a secret, until the next piece of that message, or something after which none is expected.
    pub fn pass(&mut self, event: EventData, out: &mut impl FnMut(EventData)) {
        if self.plain.is_empty() {
            return out(event);
        }
        let EventBody::Known(KnownEvent::MessageAppended {
            message,
            role,
            channel,
            content: ContentBlock::Text { text },
        }) = &event.body
        else {
            if closes_messages(&event.body) {
                self.release(out);
            }
            return out(event);
        };
        let (message, role, channel) = (*message, *role, *channel);
        let mut before = String::new();
        let mut kept = Vec::new();
        for held in std::mem::take(&mut self.held) {
            if held.message == message && held.channel == channel && held.role == role {
                before = held.text;
            } else if held.channel == channel && held.role == role {
                // Another message of the same voice: the old one is complete.
                out(held.into_event());
            } else {
                kept.push(held);
            }
        }
        self.held = kept;
        let whole = before + text;
        let clean = replace(&whole, &self.plain);
        let (ready, suspect) = clean.split_at(clean.len() - self.suspect_suffix(&clean));
        if !suspect.is_empty() {
            self.held.push(Held { turn: event.turn, message, role, channel, text: suspect.to_owned() });
        }
        if !ready.is_empty() {
            out(text_event(event.turn, message, role, channel, ready.to_owned()));
        }
    }

    /// Lets go of everything that is held back.
    pub fn release(&mut self, out: &mut impl FnMut(EventData)) {
        for held in std::mem::take(&mut self.held) {
            out(held.into_event());
        }
    }

    /// The length of the longest end of the text with which a secret begins.
    fn suspect_suffix(&self, text: &str) -> usize {
        let longest = self.plain.first().map_or(0, String::len).saturating_sub(1).min(text.len());
        let starts = (text.len() - longest..text.len()).filter(|at| text.is_char_boundary(*at));
        let suspicious = |at: &usize| self.plain.iter().any(|secret| secret.starts_with(&text[*at..]));
        starts.into_iter().find(suspicious).map_or(0, |at| text.len() - at)
    }
}

impl Held {
    fn into_event(self) -> EventData {
        text_event(self.turn, self.message, self.role, self.channel, self.text)
    }
}

fn text_event(turn: Option<TurnId>, message: MessageId, role: Role, channel: Channel, text: String) -> EventData {
    let body = KnownEvent::MessageAppended { message, role, channel, content: ContentBlock::Text { text } };
    let event = EventData::new(body);
    match turn {
        Some(turn) => event.turn(turn),
        None => event,
    }
}

/// Whether a message that is being written is complete when this happens.
fn closes_messages(body: &EventBody) -> bool {
    matches!(
        body,
        EventBody::Known(
            KnownEvent::TurnEnded { .. }
                | KnownEvent::TurnHandedOver {}
                | KnownEvent::ToolCallUpdated { .. }
                | KnownEvent::PermissionRequested { .. }
                | KnownEvent::ElicitationRequested { .. }
                | KnownEvent::AgentExited { .. }
                | KnownEvent::AttemptFailed { .. }
        )
    )
}

fn replace<'a>(text: &'a str, secrets: &[String]) -> Cow<'a, str> {
    let mut text = Cow::Borrowed(text);
    for secret in secrets {
        if text.contains(secret.as_str()) {
            text = Cow::Owned(text.replace(secret.as_str(), MARK));
        }
    }
    text
}

/// The text as it stands between the quotes of a JSON string.
fn escape(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

#[cfg(test)]
#[path = "redact_tests.rs"]
mod tests;
