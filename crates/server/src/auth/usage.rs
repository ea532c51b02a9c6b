//! When tokens were last shown. Kept in memory and put down now and then: a token that is used a thousand times a second
//! must not cost a thousand transactions.

use std::{
    collections::HashMap,
    mem,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use convene_core::{Timestamp, ids::TokenId};
use convene_engine::{TokenChange, Work};
use tokio::time::timeout;

use crate::app::App;

/// How often it is put down.
const PERIOD: Duration = Duration::from_secs(30);

/// Tokens that were shown since the last time; as many as there are tokens at most.
#[derive(Debug, Default)]
pub struct Usage(Mutex<HashMap<TokenId, Timestamp>>);

impl Usage {
    /// A token was shown.
    pub fn used(&self, id: TokenId, at: Timestamp) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, at);
    }

    /// When a token was shown since the last time, if it was.
    pub fn since(&self, id: TokenId) -> Option<Timestamp> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&id).copied()
    }
}

/// Puts down when tokens were shown, until the server ends, and then once more.
pub async fn keep_usage(app: App) {
    loop {
        let ends = timeout(PERIOD, app.closing.cancelled()).await.is_ok();
        let used = mem::take(&mut *app.usage.0.lock().unwrap_or_else(PoisonError::into_inner));
        if !used.is_empty() {
            let changes = used.into_iter().map(|(id, at)| (id, TokenChange::Used(at))).collect();
            if let Err(error) = app.engine.submit(Work::ChangeTokens(changes), None).await {
                tracing::debug!(error = %error, "when tokens were used is not put down this time");
            }
        }
        if ends {
            return;
        }
    }
}
