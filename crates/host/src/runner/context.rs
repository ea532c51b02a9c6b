//! What the agent remembers of the conversation: how its session is opened, and what it is told if it has forgotten.

use convene_api::uplink::RunnerWelcome;
use convene_core::event::{ContextLoss, KnownEvent, SessionOpening};
use serde_json::{Value, json};

use super::Runner;
use crate::acp::connection::Asked;

/// What an agent without a memory of the conversation is told.
#[derive(Debug, Default)]
pub(super) struct Context {
    /// The conversation so far; none if nothing was said.
    recap: Option<String>,
    /// Whether it goes before the next prompt.
    due: bool,
    /// The agent's id of the session that this one is a fork of.
    fork: Option<String>,
    /// Why the agent does not remember, and in whose words.
    lost: Option<(ContextLoss, String)>,
}

impl Context {
    pub(super) fn of(welcome: &RunnerWelcome) -> Self {
        let recap = welcome.recap.clone();
        let due = welcome.recap_due && recap.is_some();
        Self { recap, due, fork: welcome.fork_of.clone(), lost: None }
    }
}

impl Runner {
    /// The best way to open the session: the earlier one if the agent remembers it, else a new one.
    pub(super) fn opening(&mut self) -> SessionOpening {
        match (&self.earlier_session, &self.context.fork) {
            (Some(_), _) if self.announced.can_resume => SessionOpening::Resumed,
            (Some(_), _) if self.announced.can_load => SessionOpening::Loaded,
            (Some(_), _) => {
                let name = self.config.agent.display_name();
                let detail = format!("{name} can neither resume nor load a session");
                self.lose(ContextLoss::CannotReopen, detail);
                SessionOpening::New
            }
            (None, Some(_)) if self.announced.can_fork => SessionOpening::Forked,
            (None, Some(_)) => {
                let detail = format!("{} cannot fork a session", self.config.agent.display_name());
                self.lose(ContextLoss::CannotFork, detail);
                SessionOpening::New
            }
            (None, None) => {
                // Of a fork whose origin has no session of its agent that could be forked. Where a recap is due already, no
                // agent is expected to remember.
                if self.context.recap.is_some()
                    && !self.context.due
                    && self.context.lost.is_none()
                    && self.session.is_none()
                {
                    let detail = format!("{} has no session to fork", self.config.agent.display_name());
                    self.lose(ContextLoss::CannotFork, detail);
                }
                SessionOpening::New
            }
        }
    }

    /// The question that opens a session in this way, and the session that it is about.
    pub(super) fn opening_question(&self, how: SessionOpening, params: &mut Value) -> (Asked, &'static str) {
        let (asked, method, about) = match how {
            SessionOpening::New => (Asked::NewSession, "session/new", None),
            SessionOpening::Resumed => (Asked::ResumeSession, "session/resume", self.earlier_session.as_ref()),
            SessionOpening::Loaded => (Asked::LoadSession, "session/load", self.earlier_session.as_ref()),
            SessionOpening::Forked => (Asked::ForkSession, "session/fork", self.context.fork.as_ref()),
        };
        if let Some(about) = about {
            params["sessionId"] = json!(about);
        }
        (asked, method)
    }

    /// The agent did not open its session in this way: the next best one is tried. An agent may announce several and
    /// know only one of them.
    pub(super) fn not_opened(&mut self, how: SessionOpening, words: String) {
        match how {
            SessionOpening::Resumed if self.announced.can_load => self.announced.can_resume = false,
            SessionOpening::Resumed | SessionOpening::Loaded => self.lose(ContextLoss::SessionUnknown, words),
            SessionOpening::Forked => self.lose(ContextLoss::CannotFork, words),
            SessionOpening::New => {}
        }
    }

    fn lose(&mut self, why: ContextLoss, words: String) {
        self.earlier_session = None;
        self.context.fork = None;
        self.context.lost = Some((why, words));
    }

    /// A session is open. If the agent does not remember what was said, that is told, and the recap is due.
    pub(super) fn tell_context(&mut self, how: SessionOpening) {
        self.context.fork = None;
        let lost = self.context.lost.take();
        let (Some((why, detail)), SessionOpening::New) = (lost, how) else { return };
        // Where nothing was said nothing is lost.
        let Some(recap) = &self.context.recap else { return };
        self.context.due = !recap.is_empty();
        let recap = u64::try_from(recap.len()).unwrap_or(u64::MAX);
        self.emit(KnownEvent::AgentContextLost { why, detail, recap });
    }

    /// The recap, once, if it is due.
    pub(super) fn take_recap(&mut self) -> Option<String> {
        std::mem::take(&mut self.context.due).then(|| self.context.recap.take()).flatten()
    }
}
