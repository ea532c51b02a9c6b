//! Takes registered secret values out of everything that leaves the runner, also when they come in pieces.

use std::{borrow::Cow, cell::OnceCell, collections::BTreeMap, ffi::OsString};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD},
};
use convene_core::{
    content::{Channel, ContentBlock, Role, ToolCall, ToolContent},
    event::{EventBody, EventData, KnownEvent},
    ids::{MessageId, TurnId},
    spec::SessionSpec,
};
use serde_json::Value;

/// What stands where a secret stood.
pub const MARK: &str = "[redacted]";

/// Shorter values are no secrets: they would blot out words.
const SHORTEST: usize = 8;

/// A piece of a secret at an edge of a text goes too, from this length on: agents send some texts in pieces, and two
/// pieces of eight letters or more have one that is at least this long.
const PIECE: usize = 4;

/// Knows the secrets of an attempt.
#[derive(Default)]
pub struct Redactor {
    /// As they are, the longest first.
    plain: Vec<String>,
    /// Finds them in text: as they are, and in the codings that programs print. Made when there is a text to look at:
    /// secrets are registered several times before that, and making it costs more than all the rest of a start.
    text: OnceCell<Option<AhoCorasick>>,
    /// Finds them in JSON: as in text, and as they look inside of a JSON string, and of a JSON string inside of one.
    json: OnceCell<Option<AhoCorasick>>,
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

/// Whether a value that somebody wrote into an environment is a place rather than a secret: without it the paths of every
/// tool call would be blotted out. An address with a user, a password or a query may hold a secret.
fn is_place(value: &str) -> bool {
    let is_address = value.split_once("://").is_some_and(|(scheme, rest)| {
        scheme.bytes().all(|b| b.is_ascii_alphanumeric()) && !rest.contains(['@', '?', '#'])
    });
    is_address || value.starts_with(['/', '~', '.'])
}

/// Whether a value is a word out of a list: `workspace-write`, `gpt-5.2`, `en_US`. Without it the names of an agent's
/// modes and models would be blotted out when its configuration picks one. What is made at random is none, nor is what
/// calls itself a secret.
fn is_word(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    if value.len() > 40 || ["secret", "token", "passw", "key"].iter().any(|word| lower.contains(word)) {
        return false;
    }
    value.split(['-', '_', '.', ':']).all(|part| {
        let all = |is: fn(&u8) -> bool| part.as_bytes().iter().all(is);
        (all(u8::is_ascii_alphabetic) && part.len() <= 14)
            || (all(u8::is_ascii_digit) && part.len() <= 4)
            || (all(u8::is_ascii_alphanumeric) && part.len() <= 5)
    })
}

impl Redactor {
    /// Registers a secret; each of its lines is one, too.
    pub fn register(&mut self, secret: &str) {
        self.add(secret);
        self.build();
    }

    /// Registers values that somebody gave to a session: all but places, unless the name says otherwise.
    pub fn register_environment<'a>(&mut self, environment: impl IntoIterator<Item = (&'a str, &'a str)>) {
        for (name, value) in environment {
            if names_a_secret(name) || !is_place(value) {
                self.add(value);
            }
        }
        self.build();
    }

    /// Registers values of an agent's configuration, which mostly pick modes and models: all but places and words,
    /// unless the name says otherwise.
    pub fn register_configuration<'a>(&mut self, environment: impl IntoIterator<Item = (&'a str, &'a str)>) {
        let is_plain = |(name, value): &(&str, &str)| !names_a_secret(name) && is_word(value);
        self.register_environment(environment.into_iter().filter(|pair| !is_plain(pair)));
    }

    /// Registers the values of an environment whose names say that they are secrets: what the agent inherits.
    pub fn register_secrets_of(&mut self, environment: &BTreeMap<OsString, OsString>) {
        for (name, value) in environment {
            if let (Some(name), Some(value)) = (name.to_str(), value.to_str())
                && names_a_secret(name)
            {
                self.add(value);
            }
        }
        self.build();
    }

    /// Registers what a session brings along: its environment, and the environment and headers of its MCP servers.
    pub fn register_spec(&mut self, spec: &SessionSpec) {
        self.register_environment(spec.env.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        for server in &spec.mcp_servers {
            for held in ["env", "headers"].iter().filter_map(|field| server.get(field)) {
                match held {
                    Value::Array(pairs) => self.register_environment(
                        pairs
                            .iter()
                            .filter_map(|pair| Some((pair.get("name")?.as_str()?, pair.get("value")?.as_str()?))),
                    ),
                    Value::Object(pairs) => self.register_environment(
                        pairs.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_str()?))),
                    ),
                    Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
                }
            }
        }
    }

    fn add(&mut self, secret: &str) {
        // `Authorization: Bearer …` is a secret with a word before it.
        let bare = secret.split_once(' ').map(|(_, rest)| rest).filter(|_| secret.lines().nth(1).is_none());
        for value in std::iter::once(secret).chain(secret.lines()).chain(bare).map(str::trim) {
            if value.len() >= SHORTEST && !self.plain.iter().any(|known| known == value) {
                self.plain.push(value.to_owned());
            }
        }
    }

    /// Forgets what finds the secrets, since there are others now.
    fn build(&mut self) {
        self.plain.sort_by_key(|value| std::cmp::Reverse(value.len()));
        self.text = OnceCell::new();
        self.json = OnceCell::new();
    }

    fn text_forms(&self) -> Vec<String> {
        let mut forms: Vec<String> = Vec::new();
        for value in &self.plain {
            forms.push(value.clone());
            forms.push(percent(value));
            forms.extend(base64_cores(value));
        }
        forms
    }

    fn in_text(&self) -> Option<&AhoCorasick> {
        self.text.get_or_init(|| finder(self.text_forms())).as_ref()
    }

    fn in_json(&self) -> Option<&AhoCorasick> {
        let forms = || {
            let mut forms = self.text_forms();
            for value in &self.plain {
                let once = escape(value);
                forms.push(escape(&once));
                forms.push(once);
            }
            forms
        };
        self.json.get_or_init(|| finder(forms())).as_ref()
    }

    /// A text without secrets.
    pub fn scrub<'a>(&self, text: &'a str) -> Cow<'a, str> {
        replace(text, self.in_text())
    }

    /// A JSON text without secrets; it stays JSON.
    pub fn scrub_json<'a>(&self, json: &'a str) -> Cow<'a, str> {
        replace(json, self.in_json())
    }

    /// Takes secrets, and pieces of secrets at the edges, out of the texts of a tool call: some agents send what a tool
    /// says in pieces, each as an update.
    fn trim_call(&self, call: &mut ToolCall) {
        for part in call.content.iter_mut().flatten() {
            if let ToolContent::Content { content: ContentBlock::Text { text } } = part {
                self.trim_text(text);
            }
        }
        for value in [&mut call.raw_input, &mut call.raw_output, &mut call.meta].into_iter().flatten() {
            self.trim_value(value);
        }
    }

    fn trim_value(&self, value: &mut Value) {
        match value {
            Value::String(text) => self.trim_text(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.trim_value(item)),
            Value::Object(fields) => fields.values_mut().for_each(|field| self.trim_value(field)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn trim_text(&self, text: &mut String) {
        let clean = self.scrub(text);
        match self.without_pieces(&clean) {
            Some(trimmed) => *text = trimmed,
            None => {
                if let Cow::Owned(clean) = clean {
                    *text = clean;
                }
            }
        }
    }

    fn without_pieces(&self, text: &str) -> Option<String> {
        let mut rest = text;
        let (mut before, mut after) = ("", "");
        for secret in &self.plain {
            if is_inside(rest, secret) {
                return Some(MARK.to_owned());
            }
            let longest = secret.len().min(rest.len());
            let ends = (PIECE..longest).rev().find(|length| {
                rest.is_char_boundary(rest.len() - length) && secret.starts_with(&rest[rest.len() - length..])
            });
            if let Some(length) = ends {
                rest = &rest[..rest.len() - length];
                after = MARK;
            }
            let longest = secret.len().min(rest.len());
            let begins = (PIECE..longest)
                .rev()
                .find(|length| rest.is_char_boundary(*length) && secret.ends_with(&rest[..*length]));
            if let Some(length) = begins {
                rest = &rest[length..];
                before = MARK;
            }
        }
        (rest.len() < text.len()).then(|| format!("{before}{rest}{after}"))
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

    /// A text that goes on, without secrets: what is ready, and the end of it that may be the beginning of a secret.
    pub fn divide(&self, text: &str) -> (String, String) {
        let clean = self.scrub(text);
        let (ready, suspect) = clean.split_at(clean.len() - self.suspect_suffix(&clean));
        (ready.to_owned(), suspect.to_owned())
    }

    /// A text that breaks off, without secrets and without a piece of one at its end.
    pub fn finish(&self, text: &str) -> String {
        match self.divide(text) {
            (ready, suspect) if suspect.len() >= PIECE => ready + MARK,
            (ready, suspect) => ready + &suspect,
        }
    }

    /// Passes an event on, with what was held back before it. The end of a message's text stays here if it may be the
    /// beginning of a secret, until the next piece of that message, or something after which none is expected.
    pub fn pass(&mut self, event: EventData, out: &mut impl FnMut(EventData)) {
        if self.plain.is_empty() {
            return out(event);
        }
        let mut event = event;
        if let EventBody::Known(
            KnownEvent::ToolCallUpdated { tool_call, .. } | KnownEvent::PermissionRequested { tool_call, .. },
        ) = &mut event.body
        {
            self.trim_call(tool_call);
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
        let clean = self.scrub(&whole);
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

fn replace<'a>(text: &'a str, finder: Option<&AhoCorasick>) -> Cow<'a, str> {
    match finder {
        Some(finder) if finder.is_match(text) => {
            let mut clean = String::with_capacity(text.len());
            finder.replace_all_with(text, &mut clean, |_, _, out| {
                out.push_str(MARK);
                true
            });
            Cow::Owned(clean)
        }
        Some(_) | None => Cow::Borrowed(text),
    }
}

/// Finds any of these, the longest first, so that a secret within a secret does not leave the rest of it behind.
fn finder(mut forms: Vec<String>) -> Option<AhoCorasick> {
    forms.sort();
    forms.dedup();
    if forms.is_empty() {
        return None;
    }
    // Fails only past billions of states, and a secret comes from an environment, which has a few megabytes.
    // The other kind, a table of all states and bytes, is a megabyte and takes milliseconds; mostly nothing looks like a
    // secret, and then both are as fast.
    let kind = Some(AhoCorasickKind::ContiguousNFA);
    AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).kind(kind).build(forms).ok()
}

/// Whether a text is a piece from within a secret.
fn is_inside(text: &str, secret: &str) -> bool {
    text.len() >= PIECE && text.len() < secret.len() && secret.contains(text)
}

/// As it stands in an address.
fn percent(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// What base64 makes of a text wherever it stands among others: three shifts, without the letters at the edges that its
/// neighbors have a part in, in both alphabets.
fn base64_cores(text: &str) -> impl Iterator<Item = String> {
    let mut cores = Vec::new();
    for shift in 0..3 {
        let padded = [&[0; 2][..shift], text.as_bytes()].concat();
        let whole = padded.len() / 3 * 4;
        // The letters that hold a bit of the padding before it.
        let first = [0, 2, 3][shift];
        for engine in [&BASE64_STANDARD_NO_PAD, &BASE64_URL_SAFE_NO_PAD] {
            let coded = engine.encode(&padded);
            if let Some(core) = coded.get(first..whole).filter(|core| core.len() >= SHORTEST) {
                cores.push(core.to_owned());
            }
        }
    }
    cores.into_iter()
}

/// The text as it stands between the quotes of a JSON string.
fn escape(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

#[cfg(test)]
#[path = "redact_tests.rs"]
mod tests;
