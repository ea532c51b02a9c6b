//! What the server wants: welcomes, acknowledgements, directives. A directive is carried out once, or it was too late.

use std::sync::{Arc, atomic::Ordering};

use convene_api::uplink::DirectiveOutcome;
use convene_core::{
    directive::{Directive, Order},
    event::StopMode,
};
use tokio::time::Instant;

use super::{Error, Prompt, Runner, handshake::Stage};
use crate::uplink::UplinkEvent;

impl Runner {
    pub(super) fn on_uplink(&mut self, event: UplinkEvent, now: Instant) -> Result<(), Error> {
        match event {
            UplinkEvent::Up { welcome, link } => {
                if !self.outbox.up(link, welcome.next_index)? {
                    self.fenced("the server's log of this attempt is not the one that this runner wrote", now);
                    return Ok(());
                }
                if matches!(self.stage, Stage::Waiting) && self.leaving.is_none() {
                    self.begin(&welcome, now);
                } else {
                    // The spec may have changed while there was no link: permissions, for one.
                    self.spec = Some(welcome.spec.clone());
                }
                for directive in welcome.directives {
                    self.on_directive(directive, now);
                }
            }
            UplinkEvent::Ack(next_index) => self.outbox.ack(next_index)?,
            UplinkEvent::Directive(directive) => self.on_directive(directive, now),
            UplinkEvent::Fenced(reason) => self.fenced(&reason, now),
            UplinkEvent::Down => self.outbox.down(),
        }
        Ok(())
    }

    fn on_directive(&mut self, directive: Directive, now: Instant) {
        if directive.seq <= self.last_directive.load(Ordering::Relaxed) {
            return;
        }
        self.last_directive.store(directive.seq, Ordering::Relaxed);
        let seq = directive.seq;
        let outcome = match directive.order {
            Order::Prompt { turn, content, system_prompt } => {
                self.prompts.push_back(Prompt { seq, turn, content, system_prompt });
                self.prompt_next();
                // Answered when it is handed over.
                return;
            }
            Order::Cancel { turn } => self.cancel(turn, now),
            Order::Decide { request, option_id } => self.decide(request, option_id),
            Order::Answer { request, action, content } => self.questions.answer(request, &action, content),
            Order::Configure { option, value } => {
                if matches!(self.stage, Stage::Ready | Stage::Configuring(_)) && self.leaving.is_none() {
                    self.ask_for_setting(&option, value, false);
                    DirectiveOutcome::Applied
                } else {
                    DirectiveOutcome::Stale
                }
            }
            Order::Permissions { mode } => {
                if let Some(spec) = &mut self.spec {
                    Arc::make_mut(spec).permissions = mode;
                }
                DirectiveOutcome::Applied
            }
            Order::Authenticate { method } => self.on_sign_in_order(&method, now),
            Order::Hibernate {} => self.hibernate(now),
            Order::Stop { mode } => {
                self.outbox.directive_done(seq, DirectiveOutcome::Applied);
                return self.stop(mode, now);
            }
        };
        self.outbox.directive_done(seq, outcome);
    }

    /// Another instance has the attempt, or nobody has any more: what is said here is not heard.
    fn fenced(&mut self, reason: &str, now: Instant) {
        tracing::warn!(reason, "fenced");
        self.outbox.down();
        self.stop(StopMode::Now, now);
    }
}
