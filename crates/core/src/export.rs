//! A session's log as markdown, for reading. A projection that takes one event after the other and holds no more than what
//! is still open: prompts that wait, and tool calls that are not done.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use crate::{
    content::{Channel, ContentBlock, Role, ToolCall, ToolContent, plain_text},
    event::{Decision, Event, EventBody, KnownEvent},
    ids::TurnId,
    view::SessionView,
};

/// Lines of a tool's output that are shown: the first ones and the last ones.
const HEAD: usize = 5;
const TAIL: usize = 20;
/// Characters of such a line.
const LINE: usize = 500;

/// What is open in the text so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Open {
    /// Nothing: the next piece begins a paragraph of its own.
    #[default]
    Nothing,
    /// The agent's answer.
    Answer,
    /// The agent's thoughts, in a block that readers fold.
    Thought,
}

/// The transcript so far.
#[derive(Debug, Default)]
pub struct Markdown {
    open: Open,
    waiting: BTreeMap<TurnId, Arc<Vec<ContentBlock>>>,
    tools: BTreeMap<String, ToolCall>,
    turn: u32,
}

impl Markdown {
    /// The text above all events.
    pub fn head(session: &SessionView) -> String {
        let title = one_line(&session.title);
        let title = if title.is_empty() { session.short_id.clone() } else { title };
        format!(
            "# {title}\n\nSession `{}`, agent {}, in `{}`, begun {}.\n",
            session.id, session.agent, session.cwd, session.created_at
        )
    }

    /// What an event adds; nothing if it is not for readers.
    pub fn event(&mut self, event: &Event) -> String {
        let EventBody::Known(known) = &event.data.body else { return String::new() };
        match known {
            KnownEvent::TurnQueued { content, .. } | KnownEvent::QueueEntryEdited { content } => {
                if let Some(turn) = event.data.turn {
                    self.waiting.insert(turn, Arc::clone(content));
                }
                String::new()
            }
            KnownEvent::QueueEntryDropped { .. } => {
                event.data.turn.and_then(|turn| self.waiting.remove(&turn));
                String::new()
            }
            KnownEvent::TurnStarted { number } => self.turn_started(*number, event.data.turn),
            KnownEvent::MessageAppended { role: Role::Agent, channel, content, .. } => self.said(*channel, content),
            KnownEvent::ToolCallUpdated { tool_call } => self.tool(tool_call),
            KnownEvent::PermissionRequested { tool_call, .. } => {
                self.tools.entry(tool_call.id.clone()).or_default().merge(tool_call);
                String::new()
            }
            KnownEvent::PermissionDecided { decision, by, message, .. } => {
                let word = decided(*decision);
                let message = message.as_deref().map(|text| format!(": {}", one_line(text))).unwrap_or_default();
                self.paragraph(&format!("*Permission {word} by {}{message}.*", one_line(by)))
            }
            KnownEvent::PlanUpdated { entries } => {
                let mut text = String::from("Plan:\n");
                for entry in entries {
                    let mark = if entry.status.as_deref() == Some("completed") { 'x' } else { ' ' };
                    // Writing to a string cannot fail.
                    let _ = write!(text, "\n- [{mark}] {}", one_line(&entry.content));
                }
                self.paragraph(&text)
            }
            KnownEvent::TurnEnded { stop_reason, failure, .. } => {
                let mut text = self.unfinished_tools();
                let reason = serde_json::to_value(stop_reason).ok();
                let reason = reason.as_ref().and_then(|r| r.as_str()).unwrap_or("ended").replace('_', " ");
                text += &self.paragraph(&match failure {
                    Some(failure) => {
                        format!("*Turn {} ended: {reason}: {}.*", self.turn, one_line(&failure.summary))
                    }
                    None => format!("*Turn {} ended: {reason}.*", self.turn),
                });
                text
            }
            KnownEvent::SessionStopped { detail, .. } => {
                let detail = detail.as_deref().map(|text| format!(": {}", one_line(text))).unwrap_or_default();
                self.paragraph(&format!("*Session stopped{detail}.*"))
            }
            KnownEvent::AgentContextLost { detail, .. } => {
                self.paragraph(&format!("*Context lost: {}.*", one_line(detail)))
            }
            KnownEvent::SessionCleared { by } => self.paragraph(&format!("*Cleared by {}.*", one_line(by))),
            KnownEvent::SessionRewound { number, by, .. } => {
                self.paragraph(&format!("*Taken back to before turn {number} by {}.*", one_line(by)))
            }
            KnownEvent::RepairCompleted { by, .. } => {
                self.paragraph(&format!("*The log was repaired by {}.*", one_line(by)))
            }
            // How it came about, not what was said and done.
            KnownEvent::SessionCreated { .. }
            | KnownEvent::SessionUpdated { .. }
            | KnownEvent::SessionWaiting { .. }
            | KnownEvent::AttemptAssigned { .. }
            | KnownEvent::AttemptRefused { .. }
            | KnownEvent::AttemptStarted { .. }
            | KnownEvent::AttemptEnded { .. }
            | KnownEvent::TurnInactive { .. }
            | KnownEvent::SessionUnhealthy { .. }
            | KnownEvent::SessionRecovered { .. }
            | KnownEvent::AgentLaunched { .. }
            | KnownEvent::AgentInitialized { .. }
            | KnownEvent::AgentSessionStarted { .. }
            | KnownEvent::AgentAuthRequired { .. }
            | KnownEvent::SessionResumed { .. }
            | KnownEvent::SessionHibernating { .. }
            | KnownEvent::SessionKeptAwake { .. }
            | KnownEvent::AgentExited { .. }
            | KnownEvent::AgentDiagnostic { .. }
            | KnownEvent::AttemptFailed { .. }
            | KnownEvent::ConfigUpdated { .. }
            | KnownEvent::ConfigRequested { .. }
            | KnownEvent::ConfigRejected { .. }
            | KnownEvent::AgentCommandsUpdated { .. }
            | KnownEvent::TurnHandedOver { .. }
            | KnownEvent::TurnRequeued { .. }
            | KnownEvent::TurnCancelRequested { .. }
            | KnownEvent::MessageAppended { .. }
            | KnownEvent::UsageUpdated { .. }
            | KnownEvent::ElicitationRequested { .. }
            | KnownEvent::ElicitationAnswered { .. }
            | KnownEvent::SessionStopping { .. }
            | KnownEvent::SessionHibernated { .. }
            | KnownEvent::SessionArchived { .. }
            | KnownEvent::SessionUnarchived { .. }
            | KnownEvent::SessionDeleted { .. }
            | KnownEvent::LogNote { .. }
            | KnownEvent::WorkspaceReady { .. }
            | KnownEvent::AgentSignInRequested { .. }
            | KnownEvent::AgentSignedIn { .. }
            | KnownEvent::AgentSignInFailed { .. }
            | KnownEvent::QueueEntryMoved { .. } => String::new(),
        }
    }

    /// What is still open when the log ends.
    pub fn end(&mut self) -> String {
        let mut text = self.unfinished_tools();
        text += &self.close();
        text
    }

    fn turn_started(&mut self, number: u32, turn: Option<TurnId>) -> String {
        self.turn = number;
        let mut text = self.paragraph(&format!("## Turn {number}"));
        let prompt = turn.and_then(|turn| self.waiting.remove(&turn)).unwrap_or_default();
        let prompt = plain_text(&prompt);
        if !prompt.is_empty() {
            let quoted: Vec<String> = prompt.lines().map(|line| format!("> {line}").trim_end().to_owned()).collect();
            text += &self.paragraph(&quoted.join("\n"));
        }
        text
    }

    fn said(&mut self, channel: Channel, content: &ContentBlock) -> String {
        let wanted = match channel {
            Channel::Answer => Open::Answer,
            Channel::Thought => Open::Thought,
        };
        let piece = match content {
            ContentBlock::Text { text } => text.clone(),
            ContentBlock::ResourceLink { uri, name, .. } => format!("[{}]({uri})", one_line(name)),
            ContentBlock::Image { mime_type, .. } => format!("*(an image, {mime_type})*"),
            ContentBlock::Audio { mime_type, .. } => format!("*(a sound, {mime_type})*"),
            ContentBlock::Resource { .. } => "*(an embedded resource)*".to_owned(),
        };
        if self.open == wanted {
            return piece;
        }
        let mut text = self.close();
        self.open = wanted;
        text += match wanted {
            Open::Thought => "\n<details><summary>Thought</summary>\n\n",
            Open::Answer | Open::Nothing => "\n",
        };
        text + &piece
    }

    /// A tool call that is done is told once, with what came of it.
    fn tool(&mut self, patch: &ToolCall) -> String {
        let call = self.tools.entry(patch.id.clone()).or_default();
        call.merge(patch);
        if !call.status.is_some_and(|status| status.is_final()) {
            return String::new();
        }
        match self.tools.remove(&patch.id) {
            Some(call) => self.paragraph(&told(&call)),
            None => String::new(),
        }
    }

    fn unfinished_tools(&mut self) -> String {
        let open = std::mem::take(&mut self.tools);
        open.values().map(|call| self.paragraph(&told(call))).collect()
    }

    /// A paragraph of its own, after whatever was open.
    fn paragraph(&mut self, text: &str) -> String {
        format!("{}\n{text}\n", self.close())
    }

    fn close(&mut self) -> String {
        match std::mem::take(&mut self.open) {
            Open::Nothing => String::new(),
            Open::Answer => "\n".to_owned(),
            Open::Thought => "\n\n</details>\n".to_owned(),
        }
    }
}

fn decided(decision: Decision) -> &'static str {
    match decision {
        Decision::AllowOnce => "allowed once",
        Decision::AllowAlways => "always allowed",
        Decision::RejectOnce => "rejected",
        Decision::RejectAlways => "always rejected",
        Decision::Other => "answered",
        Decision::Cancelled => "cancelled",
    }
}

/// A tool call: what it did, how it ended, what it produced.
fn told(call: &ToolCall) -> String {
    let kind = call.kind.as_deref().or(call.name.as_deref()).unwrap_or("tool");
    let title = one_line(call.title.as_deref().unwrap_or(&call.id));
    let status = call.status.and_then(|status| serde_json::to_value(status).ok());
    let status = status.as_ref().and_then(|s| s.as_str()).unwrap_or("not finished").replace('_', " ");
    let mut text = format!("**{kind}** {title}: {status}");
    for content in call.content.iter().flatten() {
        match content {
            ToolContent::Content { content } => {
                let output = content.as_text().unwrap_or_default().trim_end();
                if !output.is_empty() {
                    text += &format!("\n\n{}", fenced(&shortened(output), "text"));
                }
            }
            ToolContent::Diff { path, old_text, new_text } => {
                let old = old_text.as_deref().unwrap_or_default().lines().map(|line| format!("-{line}"));
                let new = new_text.lines().map(|line| format!("+{line}"));
                let lines: Vec<String> = old.chain(new).collect();
                text += &format!("\n\n`{}`\n\n{}", one_line(path), fenced(&shortened(&lines.join("\n")), "diff"));
            }
            ToolContent::Terminal { .. } => {}
        }
    }
    let raw = call.raw_text().trim_end();
    if call.content.iter().flatten().all(|content| matches!(content, ToolContent::Terminal { .. })) && !raw.is_empty() {
        text += &format!("\n\n{}", fenced(&shortened(raw), "text"));
    }
    text
}

/// The beginning and the end of a long text, with how much is left out.
fn shortened(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(bounded).collect();
    if lines.len() <= HEAD + TAIL + 1 {
        return lines.join("\n");
    }
    let left_out = lines.len() - HEAD - TAIL;
    let (head, tail) = (lines[..HEAD].join("\n"), lines[lines.len() - TAIL..].join("\n"));
    format!("{head}\n... {left_out} lines left out\n{tail}")
}

/// A line of a length that can be read.
fn bounded(line: &str) -> String {
    let Some((end, _)) = line.char_indices().nth(LINE) else { return line.to_owned() };
    format!("{} ... {} more characters", &line[..end], line[end..].chars().count())
}

/// A block of code, fenced by more backticks than stand in a row in it.
fn fenced(text: &str, language: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{text}\n{fence}")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
#[path = "export_tests.rs"]
mod tests;
