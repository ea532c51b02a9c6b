//! What a test comes to: the events of an attempt as one result.

use convene_api::body::{AgentAnnounced, AgentTest};
use convene_core::{
    Timestamp,
    content::{Channel, Role},
    event::KnownEvent,
    failure::{Failure, FailureKind, StopReason},
};
use tokio::time::Instant;

use crate::{keeper::now, launch_spec::LaunchSpec};

/// Whether everything that a test is about is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Not yet.
    Open,
    /// Its session is open, and the prompt answered if there was one.
    Works,
    /// It cannot go on.
    Fails,
}

/// What was heard so far.
pub(super) struct Report {
    test: AgentTest,
    title: String,
    sign_in: String,
    /// The index that the next event has.
    next: u64,
    launched: Option<Instant>,
    initialized: Option<Instant>,
    wants_answer: bool,
    prompted: Option<Instant>,
    answer: String,
}

/// Characters of an answer that are kept.
const ANSWER: usize = 400;

impl Report {
    pub(super) fn new(agent: &str, worker: &str, launch: &LaunchSpec, wants_answer: bool) -> Self {
        let test = AgentTest {
            agent: agent.to_owned(),
            worker: worker.to_owned(),
            ok: false,
            argv: launch.command.clone(),
            initialize_ms: None,
            session_ms: None,
            answer: None,
            answer_ms: None,
            announced: None,
            failure: None,
            stderr: String::new(),
        };
        let (title, sign_in) = (launch.display_name().to_owned(), launch.sign_in.clone());
        Self {
            test,
            title,
            sign_in,
            next: 0,
            launched: None,
            initialized: None,
            wants_answer,
            prompted: None,
            answer: String::new(),
        }
    }

    pub(super) const fn next_index(&self) -> u64 {
        self.next
    }

    pub(super) const fn verdict(&self) -> Verdict {
        match (self.test.ok, &self.test.failure) {
            (_, Some(_)) => Verdict::Fails,
            (true, None) => Verdict::Works,
            (false, None) => Verdict::Open,
        }
    }

    /// An event of no meaning here.
    pub(super) const fn pass(&mut self, index: u64) {
        self.next = index + 1;
    }

    pub(super) fn take(&mut self, index: u64, event: KnownEvent) {
        // Sent again, because its acknowledgement was lost.
        if index < self.next {
            return;
        }
        self.pass(index);
        let at = Instant::now();
        match event {
            KnownEvent::AgentLaunched { command, .. } => {
                self.launched = Some(at);
                self.test.argv = command;
            }
            KnownEvent::AgentInitialized { name, title, version, protocol_version, capabilities, auth_methods } => {
                self.initialized = Some(at);
                self.test.initialize_ms = self.launched.map(|since| millis(since, at));
                self.test.announced = Some(AgentAnnounced {
                    name,
                    title,
                    version: Some(version).filter(|version| !version.is_empty()),
                    protocol_version,
                    capabilities: capabilities.as_ref().clone(),
                    auth_methods,
                    signed_in: None,
                    config_options: Vec::new(),
                    worker: self.test.worker.clone(),
                    at: now(),
                });
            }
            KnownEvent::AgentSessionStarted { .. } => {
                self.test.session_ms = self.initialized.map(|since| millis(since, at));
                self.test.ok = !self.wants_answer;
            }
            KnownEvent::TurnHandedOver {} => self.prompted = Some(at),
            KnownEvent::MessageAppended { role: Role::Agent, channel: Channel::Answer, content, .. } => {
                let room = ANSWER.saturating_sub(self.answer.chars().count());
                self.answer.extend(content.as_text().unwrap_or_default().chars().take(room));
            }
            KnownEvent::PermissionRequested { tool_call, .. } if self.wants_answer => {
                // A model that wants a tool has answered, too.
                let what = tool_call.title.unwrap_or_default();
                self.answer = format!("(it asks for permission: {what})");
                self.answered(at);
            }
            KnownEvent::TurnEnded { stop_reason, failure, .. } if self.wants_answer && !self.test.ok => {
                self.turn_ended(stop_reason, failure, at);
            }
            KnownEvent::ConfigUpdated { options } => {
                if let Some(announced) = &mut self.test.announced {
                    announced.config_options = options.as_ref().clone();
                }
            }
            KnownEvent::AgentAuthRequired { .. } => {
                self.signed_in(false);
                let failure =
                    Failure::new(FailureKind::ProviderAuthFailure, format!("{} wants you to sign in", self.title));
                let failure = failure.code("agent_auth_required");
                let hint = if self.sign_in.is_empty() { self.methods() } else { self.sign_in.clone() };
                self.test.failure = Some(if hint.is_empty() { failure } else { failure.hint(hint) });
            }
            // What is said last is said with most knowledge, except of what a test itself has ended.
            KnownEvent::AttemptFailed { failure } if !self.test.ok => self.test.failure = Some(self.of_a_test(failure)),
            KnownEvent::AgentExited { stderr, .. } => self.test.stderr = stderr,
            // A test is about its beginning; what else there is to tell belongs to sessions.
            _ => {}
        }
    }

    /// Something of it could not be proved dead.
    pub(super) fn not_all_dead(&mut self) {
        if self.test.failure.is_none() {
            let summary = format!("not every process of {} could be proved dead after the test", self.title);
            let failure = Failure::new(FailureKind::UnknownFailure, summary).code("stop_unverified");
            self.test.failure = Some(failure.hint("convene doctor says what holds agents on this machine"));
        }
    }

    pub(super) fn finish(mut self, at: Timestamp) -> AgentTest {
        if self.verdict() == Verdict::Open {
            self.test.failure = Some(if self.prompted.is_some() {
                let summary = format!("{} did not answer a prompt of a few words in time", self.title);
                let failure = Failure::new(FailureKind::TransportFailure, summary).code("turn_timeout");
                failure.hint(format!("watch it: convene run -a {} \"hello\"", self.test.agent))
            } else {
                let summary = format!("the test of {} ended before anything was known", self.title);
                let failure = Failure::new(FailureKind::TransportFailure, summary).code("agent_start_failed");
                failure.hint("the log of the worker says more; try again")
            });
        }
        self.test.ok = self.verdict() == Verdict::Works;
        if let Some(announced) = &mut self.test.announced {
            announced.at = at;
        }
        self.test
    }

    fn answered(&mut self, at: Instant) {
        self.test.answer = Some(std::mem::take(&mut self.answer).trim().to_owned());
        self.test.answer_ms = self.prompted.map(|since| millis(since, at));
        self.test.ok = true;
        self.signed_in(true);
    }

    fn turn_ended(&mut self, stop_reason: StopReason, failure: Option<Failure>, at: Instant) {
        match stop_reason {
            StopReason::EndTurn | StopReason::MaxTokens | StopReason::MaxTurnRequests => self.answered(at),
            StopReason::Refusal
            | StopReason::Cancelled
            | StopReason::Timeout
            | StopReason::Interrupted
            | StopReason::Failed => {
                let said = self.answer.trim();
                let said = if said.is_empty() { String::new() } else { format!("; it said: {said}") };
                let failure = failure.unwrap_or_else(|| {
                    let summary = format!("{} did not answer a prompt of a few words{said}", self.title);
                    Failure::new(FailureKind::UnknownFailure, summary).code("agent_refused")
                });
                if failure.kind == FailureKind::ProviderAuthFailure {
                    self.signed_in(false);
                }
                self.test.failure = Some(self.of_a_test(failure));
            }
        }
    }

    /// A wanted sign-in with the words of a test: there is no session to go on with after it.
    fn of_a_test(&self, failure: Failure) -> Failure {
        if failure.code.as_deref() != Some("agent_auth_required") {
            return failure;
        }
        let how = if self.sign_in.is_empty() { self.methods() } else { self.sign_in.clone() };
        let agent = &self.test.agent;
        let again =
            format!("convene agents test {agent}; a key counts where the server runs: `convene shutdown` first");
        failure.hint(if how.is_empty() { again } else { format!("{how}, then: {again}") })
    }

    fn signed_in(&mut self, signed_in: bool) {
        if let Some(announced) = &mut self.test.announced {
            announced.signed_in = Some(signed_in);
        }
    }

    fn methods(&self) -> String {
        let methods = self.test.announced.iter().flat_map(|announced| &announced.auth_methods);
        methods.map(|method| method.name.as_str()).collect::<Vec<_>>().join(" or ")
    }
}

fn millis(since: Instant, at: Instant) -> u64 {
    u64::try_from(at.saturating_duration_since(since).as_millis()).unwrap_or(u64::MAX)
}
