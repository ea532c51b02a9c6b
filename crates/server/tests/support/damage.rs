//! Loses parts of a log, as a disk does.

use std::path::Path;

use convene_core::ids::SessionId;
use rusqlite::{Connection, config::DbConfig};

/// What a session loses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Snapshots {
    /// They stay: the session is shown as it was, and the hole is found by who reads its log.
    Stay,
    /// They go too: the session is known to be damaged.
    Go,
}

/// Loses the events of a type while no server runs.
pub fn lose(data: &Path, id: SessionId, tag: &str, snapshots: Snapshots) {
    let db = Connection::open(data.join("convene.db")).unwrap();
    // A WAL that is gone would pass for a lost one.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).unwrap();
    let log = "log = (SELECT log FROM sessions WHERE id = ?1)";
    let lost = db.execute(
        &format!("DELETE FROM events WHERE {log} AND data LIKE ?2"),
        (id.to_string(), format!("%\"type\":\"{tag}\"%")),
    );
    assert!(lost.unwrap() > 0, "{id} has no {tag}");
    if snapshots == Snapshots::Go {
        db.execute(&format!("DELETE FROM snapshots WHERE {log}"), [id.to_string()]).unwrap();
    }
}
