use std::sync::Arc;

use convene_core::Timestamp;
use convene_store::{EventFilter, EventRow, LogKey, Reader as _, SqliteStore};

use super::*;

fn group(seq: u64) -> Group {
    let event = EventRow {
        log: LogKey(1),
        seq,
        pos: seq,
        at: Timestamp::UNIX_EPOCH,
        index: None,
        turn: None,
        data: Arc::from("{}"),
    };
    Group { events: vec![event], ..Group::default() }
}

#[test]
fn commits_fail_where_the_plan_says() {
    let dir = tempfile::tempdir().unwrap();
    let faults = Faults::default();
    let inner = SqliteStore::open(dir.path(), Timestamp::UNIX_EPOCH, 1).unwrap();
    let mut store = FaultStore::new(inner, faults.clone());
    let stored = |store: &FaultStore<SqliteStore>| {
        let filter = EventFilter { limit: 100, ..EventFilter::default() };
        store.reader().events(LogKey(1), &filter).unwrap().len()
    };

    faults.fail_nth(2, Fault::Refused);
    store.commit(&group(1)).unwrap();
    assert!(matches!(store.commit(&group(2)), Err(Error::Failed { .. })));
    assert_eq!((stored(&store), store.info().last_pos), (1, 1));
    store.commit(&group(2)).unwrap();

    faults.fail_next(Fault::AnswerLost);
    assert!(store.commit(&group(3)).is_err());
    assert_eq!((stored(&store), store.info().last_pos), (3, 3));

    faults.fail_all(Fault::Full);
    for _ in 0..3 {
        assert!(matches!(store.commit(&group(4)), Err(Error::Full { .. })));
    }
    faults.heal();
    store.commit(&group(4)).unwrap();
    assert_eq!(stored(&store), 4);
    assert_eq!((faults.asked(), faults.failed()), (8, 5));
}
