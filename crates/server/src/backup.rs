//! Copies of a data directory's database, and the way back: on the server's machine, whether it runs or not.

use std::path::Path;

use convene_api::problem::{Code, Problem};
use convene_engine::{Env, salvage, storage};

pub use convene_engine::{
    salvage::Restored,
    storage::{BackedUp, Damage},
};

use crate::{
    error::{self, ServeError},
    serve::epoch,
};

/// Copies the database of a data directory and its files to a directory that is not there yet.
///
/// # Errors
/// If that is there, the database is damaged or newer, or the disk refuses; nothing is left then.
pub fn backup(data_dir: &Path, to: &Path) -> Result<BackedUp, Problem> {
    storage::backup(data_dir, to).map_err(|error| error::store(&error))
}

/// Reads a backup to its last row.
///
/// # Errors
/// If it is none, or is not whole.
pub fn verify(dir: &Path) -> Result<BackedUp, Problem> {
    storage::verify(dir).map_err(|error| error::store(&error))
}

/// Puts a backup in the place of the database of a data directory.
///
/// # Errors
/// While a server runs, if the backup is no use, or if the disk refuses.
pub fn restore(data_dir: &Path, from: &Path, damage: Damage) -> Result<Restored, Problem> {
    let mut seed = [0; 8];
    getrandom::fill(&mut seed)
        .map_err(|error| Problem::new(Code::Internal, format!("no randomness for a new epoch: {error}")))?;
    salvage::restore(data_dir, from, damage, &Env::system(), epoch(seed))
        .map_err(|error| ServeError::Engine(error).problem())
}
