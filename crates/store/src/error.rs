//! What can go wrong with a store.

use std::path::PathBuf;

/// A store's failure.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database was written by a newer version.
    #[error("the database is of schema {found}, this build knows up to {known}")]
    Newer {
        /// Its schema version.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// The disk is full.
    #[error("the disk under {} is full", path.display())]
    Full {
        /// Where.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The directory or file cannot be written.
    #[error("cannot write {}", path.display())]
    ReadOnly {
        /// Where.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Another process writes there.
    #[error("{} is in use by another process", path.display())]
    InUse {
        /// The data directory.
        path: PathBuf,
    },
    /// What is stored cannot be read as what it should be.
    #[error("{what} is damaged: {why}")]
    Damaged {
        /// Which part.
        what: String,
        /// How.
        why: String,
    },
    /// Another failure of the database.
    #[error("{doing} failed")]
    Failed {
        /// What was being done.
        doing: &'static str,
        /// What the database said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
