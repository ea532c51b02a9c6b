//! Prompts and their ends. A prompt reaches an agent at most once: the marker is on disk before the first byte is sent.

use std::{sync::Arc, time::Duration};

use convene_api::uplink::DirectiveOutcome;
use convene_core::{
    content::{ContentBlock, ToolCall, ToolContent, ToolStatus, Usage},
    event::KnownEvent,
    failure::{Failure, FailureKind, StopReason},
    ids::TurnId,
};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Runner, handshake::Stage, tools::ToolsDue};
use crate::{
    acp::{
        connection::{Asked, RpcError},
        content,
    },
    process::boot_clock,
};

/// How long an agent may take to yield to a cancel before it is killed.
const WATCHDOG: Duration = Duration::from_secs(10);
/// How long an agent has to take in the answers to its open questions before it is told to stop. One that is told at once
/// may throw away its tool call without an answer, which its model then refuses to go on from.
const TAKEN_IN: Duration = Duration::from_millis(100);
/// Tool calls of a turn that are remembered while they are not over.
const TOOLS: usize = 64;
/// Some agents answer a prompt before they have said everything. A turn ends when nothing came for a moment …
const SETTLE: Duration = Duration::from_millis(10);
/// … or after this time, whatever comes.
const SETTLE_MAX: Duration = Duration::from_millis(100);

/// A prompt that waits for the agent.
#[derive(Debug)]
pub(super) struct Prompt {
    pub(super) seq: u64,
    pub(super) turn: TurnId,
    pub(super) content: Arc<Vec<ContentBlock>>,
    pub(super) system_prompt: Option<String>,
}

/// The turn that the agent works on.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) id: TurnId,
    /// Until when it may yield to a cancel.
    pub(super) cancel_until: Option<Instant>,
    /// When it is told to stop, if its open questions were answered first.
    cancel_at: Option<Instant>,
    /// Its tool calls that are not over, as far as they were told: some agents ask for one by its id alone.
    tools: Vec<ToolCall>,
    /// It has answered; trailing updates are waited for.
    end: Option<End>,
    /// Whether somebody allowed an action that is more than reading.
    pub(super) allowed: bool,
    /// When its prompt was handed over.
    pub(super) handed_over: Instant,
    /// The same on the clock of the process table.
    pub(super) began: Option<u64>,
    /// What is due for the processes that it has started, once it was cancelled.
    tools_due: Option<ToolsDue>,
}

#[derive(Debug)]
struct End {
    stop_reason: StopReason,
    failure: Option<Failure>,
    usage: Option<Usage>,
    at: Instant,
    latest: Instant,
}

impl Turn {
    /// Remembers what is told of a tool call until it is over.
    pub(super) fn note_tool(&mut self, told: &ToolCall) {
        // What a person needs to decide; what came out of it may be large.
        let is_diff = |part: &ToolContent| matches!(part, ToolContent::Diff { .. });
        let content = told.content.as_ref().filter(|parts| parts.iter().any(is_diff)).cloned();
        let told = &ToolCall {
            id: told.id.clone(),
            title: told.title.clone(),
            name: told.name.clone(),
            kind: told.kind.clone(),
            status: told.status,
            locations: told.locations.clone(),
            raw_input: told.raw_input.clone(),
            content,
            raw_output: None,
            meta: None,
        };
        let at = self.tools.iter().position(|known| known.id == told.id);
        let is_over = told.status.is_some_and(ToolStatus::is_final);
        match at {
            Some(at) if is_over => drop(self.tools.swap_remove(at)),
            Some(at) => self.tools[at].merge(told),
            None if is_over || self.tools.len() >= TOOLS => {}
            None => self.tools.push(told.clone()),
        }
    }

    /// A tool call with what was told of it before.
    pub(super) fn known_tool(&self, asked: ToolCall) -> ToolCall {
        let Some(known) = self.tools.iter().find(|known| known.id == asked.id) else { return asked };
        let mut whole = known.clone();
        whole.merge(&asked);
        // Its place in the log is another one.
        whole.status = asked.status;
        whole
    }
}

impl Runner {
    /// Hands the next prompt over, if the agent can take one.
    pub(super) fn prompt_next(&mut self) {
        // One that has ended and is not buried yet would only take the prompt with it.
        let gone = self.leaving.is_some() || self.has_agent_closed();
        if !matches!(self.stage, Stage::Ready) || self.turn.is_some() || gone {
            return;
        }
        let (Some(peer), Some(session)) = (self.peer.clone(), self.session.clone()) else { return };
        let Some(prompt) = self.prompts.pop_front() else { return };
        let turn = prompt.turn;
        if let Err(error) = self.side.write_handed_over(&turn.to_string()) {
            // Without the marker a crash could not be told from a prompt that was never sent, so it is not sent.
            tracing::error!(error = &error as &dyn std::error::Error, "cannot mark the hand-over");
            let failure = Failure::new(FailureKind::PromptFailure, "the hand-over could not be put on disk")
                .code("storage_failed");
            let ended = KnownEvent::TurnEnded { stop_reason: StopReason::Failed, failure: Some(failure), usage: None };
            self.outbox.emit(Some(turn), ended);
            self.outbox.directive_done(prompt.seq, DirectiveOutcome::Applied);
            return self.prompt_next();
        }
        let mut blocks: Vec<Value> = prompt.content.iter().map(content::block_to_acp).collect();
        if let Some(recap) = self.take_recap() {
            blocks.insert(0, json!({"type": "text", "text": recap}));
        }
        if std::mem::take(&mut self.system_prompt_due)
            && let Some(system_prompt) = &prompt.system_prompt
        {
            blocks.insert(0, json!({"type": "text", "text": system_prompt}));
        }
        // What it wrote until now belongs to what was before.
        if let Some(agent) = &mut self.agent {
            agent.read_stderr(&self.outbox.redactor);
        }
        let (handed_over, began) = (Instant::now(), boot_clock());
        self.turn = Some(Turn {
            id: turn,
            handed_over,
            cancel_until: None,
            cancel_at: None,
            tools: Vec::new(),
            end: None,
            allowed: false,
            began,
            tools_due: None,
        });
        self.weigh_soon(handed_over);
        self.voice.new_turn();
        self.voice.mute(false);
        self.first_prompt = self.first_prompt.or(began);
        self.emit(KnownEvent::TurnHandedOver {});
        peer.ask(Asked::Prompt(turn), "session/prompt", json!({"sessionId": session, "prompt": blocks}));
        self.outbox.directive_done(prompt.seq, DirectiveOutcome::Applied);
    }

    /// Ends a turn: at once if its prompt still waits, else by asking the agent.
    pub(super) fn cancel(&mut self, turn: TurnId, now: Instant) -> DirectiveOutcome {
        if let Some(at) = self.prompts.iter().position(|prompt| prompt.turn == turn) {
            if let Some(prompt) = self.prompts.remove(at) {
                self.outbox.directive_done(prompt.seq, DirectiveOutcome::Stale);
            }
            let ended = KnownEvent::TurnEnded { stop_reason: StopReason::Cancelled, failure: None, usage: None };
            self.outbox.emit(Some(turn), ended);
            return DirectiveOutcome::Applied;
        }
        let Some(running) = self.turn.as_mut().filter(|running| running.id == turn && running.end.is_none()) else {
            return DirectiveOutcome::Stale;
        };
        if running.cancel_until.is_none() {
            running.cancel_until = Some(now + WATCHDOG);
            running.tools_due = Some(ToolsDue::after_cancel(now));
            if self.questions.cancel_all() {
                running.cancel_at = Some(now + TAKEN_IN);
            } else {
                self.cancel_agent();
            }
        }
        DirectiveOutcome::Applied
    }

    /// Tells the agent to stop what it does. Its open questions are answered first: some wait for nothing else.
    pub(super) fn cancel_agent(&mut self) {
        self.questions.cancel_all();
        if let (Some(peer), Some(session)) = (&self.peer, &self.session) {
            peer.notify("session/cancel", json!({"sessionId": session}));
        }
    }

    /// The agent does not yield: it is killed. The turn is left to the server, which knows that it was cancelled and
    /// goes on with the session.
    pub(super) fn on_watchdog(&mut self, now: Instant) {
        let detail = format!("the agent did not yield to a cancel in {WATCHDOG:?} and was killed");
        self.emit(KnownEvent::AgentDiagnostic { code: "cancel_ignored".to_owned(), detail });
        self.give_up(now);
    }

    pub(super) fn on_prompt_response(&mut self, turn: TurnId, result: Result<Value, RpcError>, now: Instant) {
        let Some(running) = self.turn.as_ref().filter(|running| running.id == turn && running.end.is_none()) else {
            return;
        };
        let cancelled = running.cancel_until.is_some();
        let (stop_reason, failure, usage) = match result {
            Ok(response) => {
                let usage = content::usage(response.get("usage"));
                let stop_reason = match response.get("stopReason").and_then(Value::as_str) {
                    // It was asked to stop, and calls that an end like any other.
                    Some("end_turn") if cancelled => StopReason::Cancelled,
                    Some("end_turn") => StopReason::EndTurn,
                    Some("max_tokens") => StopReason::MaxTokens,
                    Some("max_turn_requests") => StopReason::MaxTurnRequests,
                    Some("refusal") => StopReason::Refusal,
                    Some("cancelled") => StopReason::Cancelled,
                    // An agent that names a reason of its own has ended its turn all the same.
                    Some(_) | None => StopReason::EndTurn,
                };
                (stop_reason, None, usage)
            }
            // Its process ended under the prompt: the exit status tells.
            Err(_) if self.has_agent_closed() => return,
            // Some answer a cancelled prompt with an error.
            Err(_) if cancelled => (StopReason::Cancelled, None, None),
            Err(error) if error.wants_sign_in() => {
                let methods = self.announced.auth_methods.clone();
                self.emit(KnownEvent::AgentAuthRequired { methods });
                let failure = Failure { kind: FailureKind::PromptFailure, ..self.sign_in_failure(&error) };
                (StopReason::Failed, Some(failure), None)
            }
            Err(error) => {
                let summary = format!("{} answered with: {}", self.config.agent.display_name(), error.text());
                let failure = Failure::new(FailureKind::PromptFailure, summary);
                (StopReason::Failed, Some(self.bundled(failure, &error.text())), None)
            }
        };
        if let Some(running) = &mut self.turn {
            running.end = Some(End { stop_reason, failure, usage, at: now + SETTLE, latest: now + SETTLE_MAX });
        }
    }

    /// Something came from the agent: a turn that is about to end waits for more.
    pub(super) fn unsettle(&mut self, now: Instant) {
        if let Some(end) = self.turn.as_mut().and_then(|turn| turn.end.as_mut()) {
            end.at = (now + SETTLE).min(end.latest);
        }
    }

    pub(super) fn turn_deadline(&self) -> Option<Instant> {
        let turn = self.turn.as_ref()?;
        match &turn.end {
            Some(end) => Some(end.at),
            // Once the attempt is ending, the ladder has the clock.
            None => {
                let due = [turn.cancel_at, turn.tools_due.map(|due| due.at), turn.cancel_until];
                due.into_iter().flatten().min().filter(|_| self.leaving.is_none())
            }
        }
    }

    /// Until when the agent may yield to a cancel.
    pub(super) fn yields_until(&self) -> Option<Instant> {
        let turn = self.turn.as_ref().filter(|turn| turn.end.is_none() && self.leaving.is_none())?;
        turn.cancel_until
    }

    pub(super) fn on_turn_time(&mut self, now: Instant) {
        let Some(turn) = &mut self.turn else { return };
        if let Some(end) = turn.end.take_if(|end| now >= end.at) {
            self.end_turn(end.stop_reason, end.failure, end.usage);
            self.prompt_next();
        } else if turn.end.is_none() && turn.cancel_at.take_if(|at| now >= *at).is_some() {
            self.cancel_agent();
        } else if turn.end.is_none()
            && self.leaving.is_none()
            && let Some(due) = turn.tools_due.take_if(|due| now >= due.at)
        {
            let next = self.end_tools(due, now);
            if let Some(turn) = &mut self.turn {
                turn.tools_due = next;
            }
        } else if self.yields_until().is_some_and(|until| now >= until) && !self.hearing.is_behind() {
            self.on_watchdog(now);
        }
    }

    /// Ends the running turn, if there is one that has not ended.
    pub(super) fn end_turn(&mut self, stop_reason: StopReason, failure: Option<Failure>, usage: Option<Usage>) {
        let Some(turn) = &self.turn else { return };
        let id = turn.id;
        // What the agent still asks is answered; the server closes it in its log with the turn.
        self.questions.cancel_all();
        self.outbox.emit(Some(id), KnownEvent::TurnEnded { stop_reason, failure, usage });
        self.turn = None;
        self.printed.clear();
        self.voice.new_turn();
    }

    /// A turn whose answer came but was not told yet is told now.
    pub(super) fn settle_turn(&mut self) {
        if let Some(end) = self.turn.as_mut().and_then(|turn| turn.end.take()) {
            self.end_turn(end.stop_reason, end.failure, end.usage);
        }
    }
}
