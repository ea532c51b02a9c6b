//! The one place where things are decided and committed.
//!
//! Commands and reports queue up; one [`Sequencer`] drains the queue, decides each item on the newest state, appends
//! the events of all of them in one transaction, publishes, and answers. Reconcilers look at what is published, take
//! no input, and submit commands like everybody else. No sockets here; time, ids and randomness come in through
//! [`Env`], so that a simulator can run the engine whole.

mod backlog;
mod draft;
mod engine;
mod env;
mod error;
mod held;
mod load;
mod memory;
pub mod metrics;
mod read;
pub mod reconcile;
mod repair;
mod runners;
pub mod salvage;
mod sequencer;
mod shared;
mod story;
mod watched;
mod work;
mod workers;

pub use engine::{Engine, Running};
pub use env::{Clock, Env, IdSource, SystemClock, SystemIds};
pub use error::Error;
pub use held::LAST_WORDS;
pub use metrics::Metrics;
pub use read::{ListChange, ListCursor, ListObject, ListReader, LogCursor, LogReader, SessionPage};
pub use repair::Examined;
pub use runners::Runners;
pub use sequencer::Sequencer;
pub use shared::{NoRoom, Published, Shared};
pub use watched::Watched;
pub use work::{Done, Idempotency, NewSession, NewThread, Outcome, Repair, ThreadPlace, TokenChange, Work};

/// What the doors of a server need of the store; they reach it through the engine alone.
pub mod storage {
    pub use convene_store::{
        Chore, Error, EventFilter, EventRow, LogKey, Reader, SessionFilter, SqliteReader, SqliteStore, Store, TokenRow,
        backup::{BackedUp, Damage, backup, verify},
        feed::Read,
        sqlite::{Inspected, LARGE_LOG, inspect},
    };
}
pub use workers::{Registered, WorkerOrder, WorkerRecord, Workers};
