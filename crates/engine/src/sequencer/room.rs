//! What the sequencer does when the store has no room: it says so once, gives the store's reserve to what ends things, and
//! looks for room when it is told to.

use std::sync::Arc;

use convene_store::{Error as StoreError, Store};

use super::Sequencer;
use crate::{
    draft::Draft,
    error::Error,
    shared::NoRoom,
    work::{Done, Idempotency},
};

impl<S: Store> Sequencer<S> {
    /// Nothing more can be written, unless it was this once. What the reserve makes room for is for what ends things.
    pub(super) fn hold(&mut self, error: StoreError) -> Arc<StoreError> {
        let error = Arc::new(error);
        let lasting = match &*error {
            StoreError::Full { .. } | StoreError::ReadOnly { .. } => Some(Arc::clone(&error)),
            StoreError::Newer { .. }
            | StoreError::InUse { .. }
            | StoreError::Damaged { .. }
            | StoreError::Failed { .. } => self.store.recover().err().map(Arc::new),
        };
        if let Some(error) = lasting {
            self.store.spend_reserve();
            self.shared.no_room.send_if_modified(|now| {
                let first = now.is_none();
                *now = now.take().or_else(|| Some(NoRoom { since: self.env.clock.now(), error }));
                first
            });
        }
        error
    }

    /// Looks whether there is room again, if there was none; tells whether there is.
    pub fn recover(&mut self) -> bool {
        if self.shared.no_room().is_none() {
            return true;
        }
        if self.store.recover().is_err() {
            return false;
        }
        tracing::info!("there is room again; what waited goes on");
        self.shared.no_room.send_replace(None);
        self.shared.dispatch.notify_one();
        true
    }

    /// The answer to what is not even tried while nothing can be written: the recorded one, if it was done before.
    pub(crate) fn refuse(&self, idempotency: Option<&Idempotency>, why: &NoRoom) -> Result<Done, Error> {
        let recorded = match idempotency {
            Some(idempotency) => self.recorded(&Draft::default(), idempotency)?,
            None => None,
        };
        recorded.map(Done::Replayed).ok_or_else(|| Error::Store(Arc::clone(&why.error)))
    }
}
