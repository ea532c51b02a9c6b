//! Takes in the agent's lines: what it says becomes events, what it asks and answers goes to the crate.

use std::collections::HashMap;

use bytes::Bytes;
use convene_core::{
    content::{Channel, ContentBlock, Role},
    event::{KnownEvent, SessionChanges},
    failure::{Failure, FailureKind},
    ids::MessageId,
};
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::{Runner, new_uuid};
use crate::acp::{
    config,
    frame::{Frame, Read},
    update::Update,
};

/// Lines of noise that are told; the rest is counted.
const NOISE: u32 = 20;
/// How much of a strange line is told, in bytes.
const EXCERPT: usize = 500;
/// Ids of messages that are remembered.
const MESSAGES: usize = 1024;

/// What an agent wrote that is not of the protocol.
#[derive(Debug, Default)]
pub(super) struct Noise {
    /// The first line of it.
    pub(super) first: Option<String>,
    count: u32,
}

/// Who is speaking: gives messages their ids.
#[derive(Debug, Default)]
pub(super) struct Voice {
    /// The message of the last chunk that had no id of its own.
    run: Option<(Role, Channel, MessageId)>,
    /// The agent's ids of messages, and ours.
    known: HashMap<(String, bool), MessageId>,
    /// An old session is being replayed: the log has it already.
    muted: bool,
}

impl Voice {
    pub(super) const fn mute(&mut self, muted: bool) {
        self.muted = muted;
    }

    pub(super) fn new_turn(&mut self) {
        self.run = None;
    }

    fn message(&mut self, role: Role, channel: Channel, theirs: Option<String>) -> MessageId {
        if let Some(theirs) = theirs {
            self.run = None;
            let key = (theirs, channel == Channel::Thought);
            // An old message that goes on after so many others becomes a message of its own.
            if self.known.len() >= MESSAGES && !self.known.contains_key(&key) {
                self.known.clear();
            }
            return *self.known.entry(key).or_insert_with(|| MessageId::new(new_uuid()));
        }
        match self.run {
            Some((r, c, message)) if r == role && c == channel => message,
            Some(_) | None => {
                let message = MessageId::new(new_uuid());
                self.run = Some((role, channel, message));
                message
            }
        }
    }
}

impl Runner {
    pub(super) fn on_read(&mut self, read: Read, now: Instant) {
        match read {
            Read::Line(line) => {
                if let Some(agent) = &mut self.agent {
                    agent.heard(line.len());
                }
                self.on_line(&line, now);
                self.unsettle(now);
            }
            Read::End(rest) => {
                // What has no newline was cut off by the agent's end.
                if !rest.is_empty() {
                    self.on_noise("stdout_noise", &rest);
                }
                self.on_output_end(now);
            }
            Read::TooLong(start) => {
                let limit = self.config.line_max;
                let start = self.outbox.redactor.excerpt(&String::from_utf8_lossy(&start), EXCERPT / 2);
                let detail = format!("a line longer than {limit} bytes, beginning with {start}");
                self.emit(KnownEvent::AgentDiagnostic { code: "line_too_long".to_owned(), detail });
                let name = self.config.agent.display_name();
                let summary = format!("a line of {name} was longer than {limit} bytes");
                let failure = Failure::new(FailureKind::ProtocolFailure, summary)
                    .code("agent_line_too_long")
                    .hint("raise limits.line");
                self.fail(failure, now);
            }
        }
    }

    fn on_line(&mut self, line: &Bytes, now: Instant) {
        if line.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        let Ok(text) = std::str::from_utf8(line) else { return self.on_noise("invalid_utf8", line) };
        match Frame::of(text) {
            Frame::Update { session, update } => {
                if self.session.as_deref().is_some_and(|ours| !session.is_empty() && ours != session) {
                    let detail = format!("an update of another session, {session}");
                    return self.tell_noise("other_session", &detail);
                }
                self.on_update(update);
            }
            Frame::CancelRequest { id } => {
                if let Some((turn, request)) = self.questions.take_back(id) {
                    self.outbox.emit(turn, request);
                }
                self.pass_on(text);
            }
            Frame::Call => self.pass_on(text),
            Frame::Notification { method, params } => self.on_notification(&method, params),
            Frame::Noise => {
                self.on_noise("stdout_noise", line);
                let line = self.outbox.redactor.excerpt(text, EXCERPT);
                self.on_noise_at_start(&line, now);
            }
        }
    }

    /// Gives a line to the crate. There is room: the loop waited for it before it read.
    fn pass_on(&mut self, line: &str) {
        if let Some(calls) = &self.calls {
            let _ = calls.try_send(line.to_owned());
        }
    }

    fn on_noise(&mut self, code: &str, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        let first = self.noise.first.is_none();
        if first || self.noise.count < NOISE {
            let told = self.outbox.redactor.excerpt(&text, EXCERPT);
            self.noise.first.get_or_insert(told);
        }
        self.tell_noise(code, &text);
    }

    /// Tells something odd; a flood of it is only counted.
    fn tell_noise(&mut self, code: &str, text: &str) {
        self.noise.count = self.noise.count.saturating_add(1);
        if self.noise.count <= NOISE {
            let detail = self.outbox.redactor.excerpt(text, EXCERPT);
            self.emit(KnownEvent::AgentDiagnostic { code: code.to_owned(), detail });
        }
    }

    fn on_notification(&mut self, method: &str, params: Option<&RawValue>) {
        // Extensions are the agent's own affair; elicitations that complete elsewhere are answered there.
        if method.starts_with('_') || method == "elicitation/complete" {
            return;
        }
        let detail = format!("an unknown notification, {method}: {}", params.map_or("", RawValue::get));
        self.tell_noise("unknown_method", &detail);
    }

    fn on_update(&mut self, raw: &RawValue) {
        let update = match Update::of(raw) {
            Ok(update) => update,
            Err(error) => {
                let detail = format!("an update that cannot be read: {error}");
                return self.tell_noise("stdout_noise", &detail);
            }
        };
        match update {
            Update::Chunk { .. } | Update::Tool(_) | Update::Plan(_) | Update::Unknown { .. } if self.voice.muted => {}
            // The turn's own prompt, said back.
            Update::Chunk { role: Role::User, .. } => {}
            Update::Chunk { role, channel, message, content } => {
                if matches!(&content, ContentBlock::Text { text } if text.is_empty()) {
                    return;
                }
                let message = self.voice.message(role, channel, message);
                self.emit(KnownEvent::MessageAppended { message, role, channel, content });
            }
            Update::Tool(mut tool_call) => {
                let terminals = &self.terminals;
                self.printed.take(&mut tool_call, |name| terminals.printed(name));
                self.voice.run = None;
                if let Some(turn) = &mut self.turn {
                    turn.note_tool(&tool_call);
                }
                self.emit(KnownEvent::ToolCallUpdated { tool_call: *tool_call });
            }
            Update::Plan(entries) => self.emit(KnownEvent::PlanUpdated { entries }),
            Update::Usage(usage) => self.emit(KnownEvent::UsageUpdated { usage }),
            Update::Commands(commands) => self.emit(KnownEvent::AgentCommandsUpdated { commands: commands.into() }),
            Update::Mode(mode) => {
                self.note_setting("mode", mode.into());
                self.tell_settings();
            }
            Update::Config(options) => {
                config::replace(&mut self.options, options);
                self.tell_settings();
            }
            Update::Title(title) => {
                let changes = SessionChanges { title: Some(title), ..SessionChanges::default() };
                self.emit(KnownEvent::SessionUpdated { changes });
            }
            Update::Nothing => {}
            Update::Unknown { kind, raw } => {
                let detail = format!("an update of a kind that is not known here, {kind}");
                self.emit(KnownEvent::LogNote { code: "agent_update_unknown".to_owned(), detail, raw: Some(raw) });
            }
        }
    }

    /// Before the session is open the answer to its opening tells all settings.
    fn tell_settings(&mut self) {
        if self.session.is_some() && !self.options.is_empty() {
            self.emit(KnownEvent::ConfigUpdated { options: self.options.clone().into() });
        }
    }
}
