//! How long somebody who was let in may stay: streams, sockets and uplinks outlive the request that opened them, and
//! must not outlive the token.

use std::{future::Future, pin::Pin, time::Duration};

use convene_api::problem::Code;
use tokio::time::timeout;

use super::{Scope, guard::check, token::Presented};
use crate::app::App;

/// How often it is looked at without a nudge: tokens expire by the clock.
const LOOK: Duration = Duration::from_secs(2);

/// Comes to its end when the token does. Owned by what it is the lease of.
pub type Lease = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The lease of who showed this.
pub fn lease(app: &App, shown: Presented) -> Lease {
    let app = app.clone();
    Box::pin(async move {
        let mut changed = app.tokens_changed.subscribe();
        match shown {
            // The file holds it for as long as the server runs.
            Presented::Owner | Presented::Worker => return std::future::pending().await,
            Presented::Browser { .. } | Presented::Attempt { .. } | Presented::Api { .. } => {}
        }
        while stands(&app, shown).await {
            // Whether it was a nudge or the time: look again. The sender lives in `app`.
            let _nudged = timeout(LOOK, changed.changed()).await;
        }
    })
}

async fn stands(app: &App, shown: Presented) -> bool {
    match check(app, shown).await {
        Ok(caller) => match caller.scope {
            Scope::Attempt { session, attempt } => app.is_current(session, attempt),
            Scope::Person(_) | Scope::Worker => true,
        },
        // A store that cannot be read says nothing about the token.
        Err(problem) => problem.code != Code::TokenInvalid,
    }
}
