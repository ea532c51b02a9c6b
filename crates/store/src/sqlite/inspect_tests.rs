use std::fs;

use convene_core::Timestamp;

use super::*;
use crate::SqliteStore;

const TIME: Duration = Duration::from_secs(5);

fn files(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_whole_database_is_whole_whether_it_is_open_or_not_and_nothing_is_made() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(inspect(dir.path(), TIME).unwrap(), Inspected::default());
    assert_eq!(files(dir.path()), Vec::<String>::new());
    let store = SqliteStore::open(dir.path(), Timestamp::UNIX_EPOCH, 1).unwrap();
    let whole = Inspected { exists: true, whole: true, ..Inspected::default() };
    assert_eq!(inspect(dir.path(), TIME).unwrap(), whole);
    drop(store);
    let before = files(dir.path());
    assert_eq!(inspect(dir.path(), TIME).unwrap(), whole);
    assert_eq!(files(dir.path()), before);
}

#[test]
fn what_is_newer_is_told_as_newer_and_what_is_broken_as_broken() {
    let dir = tempfile::tempdir().unwrap();
    drop(SqliteStore::open(dir.path(), Timestamp::UNIX_EPOCH, 1).unwrap());
    let path = dir.path().join("convene.db");
    let conn = Connection::open(&path).unwrap();
    let newest = "SELECT MAX(version) FROM refinery_schema_history";
    conn.execute(&format!("UPDATE refinery_schema_history SET version = 9000 WHERE version = ({newest})"), []).unwrap();
    drop(conn);
    assert!(matches!(inspect(dir.path(), TIME), Err(Error::Newer { found: 9000, .. })));
    fs::write(&path, "this is no database, and long enough to be read as the header of one").unwrap();
    assert!(matches!(inspect(dir.path(), TIME), Err(Error::Damaged { .. })));
}

#[test]
fn a_page_that_is_overwritten_is_found() {
    let dir = tempfile::tempdir().unwrap();
    drop(SqliteStore::open(dir.path(), Timestamp::UNIX_EPOCH, 1).unwrap());
    let path = dir.path().join("convene.db");
    let mut bytes = fs::read(&path).unwrap();
    // The second half: pages of tables and indexes, not the schema.
    let half = bytes.len() / 2;
    bytes[half..].fill(0x5a);
    fs::write(&path, &bytes).unwrap();
    match inspect(dir.path(), TIME) {
        Ok(found) => assert!(!found.faults.is_empty(), "{found:?}"),
        Err(error) => assert!(matches!(error, Error::Damaged { .. }), "{error:?}"),
    }
}
