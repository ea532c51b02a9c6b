//! Folds what the agent says and does: its answer, its last line, its tool calls. Cheap, because it comes in floods.

use std::sync::Arc;

use super::state::SessionState;
use crate::{
    content::{Channel, ContentBlock, Role, ToolCall, ToolStatus},
    event::Event,
    ids::MessageId,
    limits,
};

impl SessionState {
    pub(super) fn apply_message(
        &mut self,
        event: &Event,
        message: MessageId,
        role: Role,
        channel: Channel,
        content: &ContentBlock,
    ) {
        let (Role::Agent, Channel::Answer, Some(text)) = (role, channel, content.as_text()) else { return };
        // Shared with the published state until the first piece of a batch, then ours alone.
        let result = Arc::make_mut(&mut self.result);
        if self.result_message != Some(message) {
            self.result_message = Some(message);
            self.line_open = false;
            result.clear();
        }
        if result.len() < limits::RESULT {
            let room = limits::RESULT - result.len();
            result.push_str(&text[..floor_boundary(text, room)]);
        }
        self.apply_line(event, text);
    }

    /// Keeps the last line that is not blank. Looks only at the new piece: this is on the path of all that is streamed.
    fn apply_line(&mut self, event: &Event, text: &str) {
        let kept = text.trim_end();
        if kept.is_empty() {
            self.line_open &= !text.contains('\n');
            return;
        }
        let start = kept.rfind('\n').map_or(0, |i| i + 1);
        let end = text[kept.len()..].find('\n').map_or(text.len(), |i| kept.len() + i);
        let goes_on = self.line_open && start == 0;
        self.line_open = end == text.len();
        let piece = &text[start..end];
        let line = match &self.last_line {
            Some((before, _)) if goes_on => {
                let room = floor_boundary(piece, limits::LAST_LINE.saturating_sub(before.len()));
                if room == 0 { Arc::clone(before) } else { Arc::from(format!("{before}{}", &piece[..room])) }
            }
            Some(_) | None => {
                let piece = piece.trim_start();
                Arc::from(&piece[..floor_boundary(piece, limits::LAST_LINE)])
            }
        };
        self.last_line = Some((line, event.at));
    }

    pub(super) fn apply_tool_call(&mut self, call: &ToolCall) {
        if let Some(status) = call.status.filter(|status| status.is_final()) {
            // An end that was told before, and again, counts once.
            let ended = self.open_tools.remove(&call.id).is_some() || call.title.is_some();
            if let Some(turn) = self.phase.turn_mut().filter(|_| ended) {
                turn.tools += 1;
                // A rejected call ends as failed; a completed one shows that the agent found another way.
                turn.rejected &= status != ToolStatus::Completed;
            }
            return;
        }
        if self.open_tools.len() >= limits::OPEN_TOOLS && !self.open_tools.contains_key(&call.id) {
            return;
        }
        let title = self.open_tools.entry(call.id.clone()).or_default();
        if let Some(new) = &call.title {
            new[..floor_boundary(new, limits::LAST_LINE)].clone_into(title);
        }
    }
}

/// The largest character boundary of `text` that is not above `max`.
pub(super) fn floor_boundary(text: &str, max: usize) -> usize {
    if text.len() <= max {
        return text.len();
    }
    (0..=max).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0)
}
