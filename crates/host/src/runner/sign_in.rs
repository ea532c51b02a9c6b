//! Signing in: an agent that wants it is not given up. It waits, its ways are told, and somebody picks one.
//!
//! A key in the agent's environment that only has to be announced is announced by the runner itself, once.

use std::time::Duration;

use convene_api::uplink::DirectiveOutcome;
use convene_core::{
    content::{AuthKind, AuthMethod},
    event::{KnownEvent, SessionOpening},
    failure::{Failure, FailureKind},
};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Runner, environment, handshake::Stage};
use crate::acp::connection::{Asked, RpcError};

/// How far a sign-in is.
#[derive(Debug, Default)]
pub(super) struct SignIn {
    /// The way that is being tried, and whether somebody asked for it.
    trying: Option<Trying>,
    /// Whether the key of the environment was announced.
    announced_key: bool,
    /// The agent's last words about it.
    words: String,
    /// Until when somebody may sign in to an agent without a session.
    until: Option<Instant>,
}

#[derive(Debug)]
struct Trying {
    method: String,
    by_order: bool,
}

impl Runner {
    /// The agent opens no session before the user has signed in.
    pub(super) fn sign_in_wanted(&mut self, error: &RpcError, now: Instant) {
        self.voice.mute(false);
        self.sign_in.words = error.text();
        let tried = self.sign_in.trying.take();
        if let Some(Trying { method, by_order: true }) = tried {
            self.emit(KnownEvent::AgentSignInFailed { method, detail: error.text() });
            return self.wait_for_sign_in(now);
        }
        if let Some(method) = self.key_method() {
            return self.authenticate(method, false, now);
        }
        let methods = self.announced.auth_methods.clone();
        self.emit(KnownEvent::AgentAuthRequired { methods: methods.clone() });
        if methods.is_empty() {
            // Nothing can be picked; the hint says what to do outside.
            let failure = self.sign_in_failure(error);
            return self.fail(failure, now);
        }
        self.wait_for_sign_in(now);
    }

    /// The one way that takes a key from the environment which is there, unless it was tried.
    fn key_method(&mut self) -> Option<AuthMethod> {
        if std::mem::replace(&mut self.sign_in.announced_key, true) {
            return None;
        }
        let environment = environment::of_agent(&self.config, self.spec.as_deref()?);
        let is_set = |name: &String| environment.get(name.as_ref() as &std::ffi::OsStr).is_some_and(|v| !v.is_empty());
        let usable = |method: &&AuthMethod| {
            method.kind == AuthKind::EnvVar && !method.variables.is_empty() && method.variables.iter().any(is_set)
        };
        self.announced.auth_methods.iter().find(usable).cloned()
    }

    fn wait_for_sign_in(&mut self, now: Instant) {
        if self.session.is_some() {
            // It has one from before, and takes prompts; whether they work is another matter.
            self.earlier_session = None;
            self.stage = Stage::Ready;
            self.stage_until = None;
            return self.prompt_next();
        }
        self.stage = Stage::SigningIn;
        let patience = Duration::from_millis(self.config.sign_in_timeout_ms);
        self.stage_until = Some(*self.sign_in.until.get_or_insert(now + patience));
    }

    /// Somebody picked a way.
    pub(super) fn on_sign_in_order(&mut self, method: &str, now: Instant) -> DirectiveOutcome {
        let may = match self.stage {
            Stage::SigningIn => true,
            Stage::Ready => self.turn.is_none(),
            Stage::Waiting | Stage::Starting | Stage::Opening | Stage::Configuring(_) => false,
        };
        let known = self.announced.auth_methods.iter().find(|known| known.id == method).cloned();
        let Some(known) = known.filter(|_| may && self.leaving.is_none() && self.sign_in.trying.is_none()) else {
            return DirectiveOutcome::Stale;
        };
        self.authenticate(known, true, now);
        DirectiveOutcome::Applied
    }

    fn authenticate(&mut self, method: AuthMethod, by_order: bool, now: Instant) {
        let id = method.id;
        self.sign_in.trying = Some(Trying { method: id.clone(), by_order });
        if method.kind == AuthKind::Terminal {
            // A person has done it in a terminal; the agent must not be asked to.
            return self.open_after_sign_in(now);
        }
        let Some(peer) = &self.peer else { return };
        peer.ask(Asked::Authenticate, "authenticate", json!({"methodId": id}));
        if self.session.is_none() {
            self.stage = Stage::SigningIn;
            // It may open a browser, where a person takes time; a key needs none.
            let patience = if by_order { self.config.sign_in_timeout_ms } else { self.config.start_timeout_ms };
            self.stage_until = Some(now + Duration::from_millis(patience));
        }
    }

    pub(super) fn on_authenticated(&mut self, result: Result<Value, RpcError>, now: Instant) {
        match result {
            Ok(_) => self.open_after_sign_in(now),
            Err(_) if self.has_agent_closed() => {}
            Err(error) => self.sign_in_wanted(&error, now),
        }
    }

    /// What was signed in for begins anew: an agent may know who one is only from the start of its session.
    fn open_after_sign_in(&mut self, now: Instant) {
        if self.session.is_none() {
            return self.open_session(now);
        }
        if self.turn.is_none() && self.announced.can_reopen() {
            self.earlier_session.clone_from(&self.session);
            return self.open_session(now);
        }
        self.signed_in();
    }

    /// The session is open, so a sign-in that was under way has worked.
    pub(super) fn signed_in(&mut self) {
        self.sign_in.until = None;
        if let Some(Trying { method, .. }) = self.sign_in.trying.take() {
            self.emit(KnownEvent::AgentSignedIn { method });
        }
    }

    /// Nobody signed in in time.
    pub(super) fn no_sign_in(&self) -> Failure {
        self.sign_in_failure(&RpcError::new(RpcError::AUTH_REQUIRED, self.sign_in.words.clone()))
    }

    pub(super) fn sign_in_failure(&self, error: &RpcError) -> Failure {
        let spec = &self.config.agent;
        let summary = format!("{} wants you to sign in: {}", spec.display_name(), error.text());
        let failure = Failure::new(FailureKind::ProviderAuthFailure, summary).code("agent_auth_required");
        if !spec.sign_in.is_empty() {
            // A key in the terminal of whoever reads this does not help an agent that runs.
            let id = self.config.session.short();
            let hint = if spec.sign_in.contains(" set ") {
                format!(
                    "{}; a key counts where the server runs: `convene shutdown`, set it, and after `convene stop {id}` \
                     prompt again",
                    spec.sign_in
                )
            } else {
                spec.sign_in.clone()
            };
            return failure.hint(hint);
        }
        let ways: Vec<String> = self.announced.auth_methods.iter().map(way).collect();
        if ways.is_empty() { failure } else { failure.hint(ways.join(", or ")) }
    }

    /// Whether a session that is being opened now is one that the log has already.
    pub(super) fn is_reopening(&self, how: SessionOpening) -> bool {
        how != SessionOpening::New && self.session.is_some() && self.session == self.earlier_session
    }
}

/// A way to sign in, in words.
fn way(method: &AuthMethod) -> String {
    match method.kind {
        AuthKind::Terminal if !method.command.is_empty() => format!("run `{}`", method.command.join(" ")),
        AuthKind::EnvVar if !method.variables.is_empty() => format!("set {}", method.variables.join(" or ")),
        AuthKind::Terminal | AuthKind::EnvVar | AuthKind::Agent | AuthKind::Other => method.name.clone(),
    }
}
