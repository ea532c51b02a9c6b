//! The directives that a state holds for its runner: what it was told and may not have done yet.

use super::state::SessionState;
use crate::{
    content::ConfigOption,
    directive::{Directive, Order},
    limits,
};

impl SessionState {
    /// Adds a directive; it takes the place of an older one that it makes void. Past the limit the oldest goes that is
    /// about a detail: a prompt, a cancel, a mode or a stop stays, and of each of these there is one.
    pub(super) fn direct(&mut self, seq: u64, order: Order) {
        self.directives.retain(|d| !order.replaces(&d.order));
        if self.directives.len() >= limits::DIRECTIVES
            && let Some(place) = self.directives.iter().position(|d| d.order.is_detail())
        {
            self.directives.remove(place);
        }
        self.directives.push_back(Directive { seq, order });
    }

    /// The prompt is with the agent.
    pub(super) fn drop_prompt(&mut self) {
        self.directives.retain(|d| !matches!(d.order, Order::Prompt { .. }));
    }

    /// The turn is over, and with it whatever was said about it. Settings and the end of the session stay.
    pub(super) fn drop_turn(&mut self) {
        self.directives.retain(|d| {
            matches!(
                d.order,
                Order::Configure { .. } | Order::Permissions { .. } | Order::Authenticate { .. } | Order::Stop { .. }
            )
        });
    }

    /// A sign-in came to its end, one way or the other.
    pub(super) fn drop_sign_in(&mut self) {
        self.directives.retain(|d| !matches!(d.order, Order::Authenticate { .. }));
    }

    /// The runner goes on.
    pub(super) fn drop_hibernate(&mut self) {
        self.directives.retain(|d| !matches!(d.order, Order::Hibernate {}));
    }

    /// The agent would not take this setting.
    pub(super) fn drop_configure(&mut self, wanted: &str) {
        self.directives.retain(|d| !matches!(&d.order, Order::Configure { option, .. } if option == wanted));
    }

    /// What came true is done; other wishes are still on their way.
    pub(super) fn drop_configured(&mut self, options: &[ConfigOption]) {
        let came_true = |order: &Order| {
            matches!(order, Order::Configure { option, value }
                if options.iter().any(|o| o.is_named(option) && o.value == *value))
        };
        self.directives.retain(|d| !came_true(&d.order));
    }
}

impl Order {
    /// Whether `older` need not be carried out any more once this one is given.
    fn replaces(&self, older: &Self) -> bool {
        match (self, older) {
            (Self::Configure { option, .. }, Self::Configure { option: before, .. }) => option == before,
            (Self::Permissions { .. }, Self::Permissions { .. })
            | (Self::Authenticate { .. }, Self::Authenticate { .. })
            | (Self::Hibernate {} | Self::Stop { .. }, Self::Hibernate {})
            | (Self::Stop { .. }, Self::Stop { .. }) => true,
            (
                Self::Prompt { .. }
                | Self::Cancel { .. }
                | Self::Decide { .. }
                | Self::Answer { .. }
                | Self::Configure { .. }
                | Self::Permissions { .. }
                | Self::Authenticate { .. }
                | Self::Hibernate {}
                | Self::Stop { .. },
                Self::Prompt { .. }
                | Self::Cancel { .. }
                | Self::Decide { .. }
                | Self::Answer { .. }
                | Self::Configure { .. }
                | Self::Permissions { .. }
                | Self::Authenticate { .. }
                | Self::Hibernate {}
                | Self::Stop { .. },
            ) => false,
        }
    }

    const fn is_detail(&self) -> bool {
        match self {
            Self::Decide { .. } | Self::Answer { .. } | Self::Configure { .. } => true,
            Self::Prompt { .. }
            | Self::Cancel { .. }
            | Self::Permissions { .. }
            | Self::Authenticate { .. }
            | Self::Hibernate {}
            | Self::Stop { .. } => false,
        }
    }
}
