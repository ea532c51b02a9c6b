//! Sessions with their logs.

use convene_store::{Error, EventFilter, Group, Loaded, LogKey, Reader as _, SessionRow, SnapshotRow};

use crate::book::{Book, Place, at, event, id, session, sessions};

fn snapshot(log: i64, seq: u64, state: &str) -> SnapshotRow {
    SnapshotRow { log: LogKey(log), seq, state: state.to_owned() }
}

fn after(row: &SessionRow, seq: u64, pos: u64) -> SessionRow {
    SessionRow { seq, pos, updated_at: at(pos), ..row.clone() }
}

pub(crate) fn a_session_is_loaded_with_its_tail<P: Place>(book: &mut Book<P>) {
    let row =
        SessionRow { title: "Grüße \"an\" alle'; --".to_owned(), cwd: "/home/zoë/a b".to_owned(), ..session(1) };
    let first = event(1, 1, 1);
    book.commit(&Group { events: vec![first.clone()], ..sessions(vec![row.clone()]) });
    let loaded = |book: &Book<P>| book.reader().load(id("ses_", 1)).unwrap().unwrap();
    assert_eq!(loaded(book), Loaded { row: row.clone(), snapshot: None, tail: vec![first.clone()] });
    assert_eq!(book.reader().session(id("ses_", 1)).unwrap(), Some(row.clone()));

    // A batch moves the numbers; a change moves the rest.
    let row = after(&row, 2, 2);
    book.commit(&Group { events: vec![event(1, 2, 2)], ..sessions(vec![row.clone()]) });
    assert_eq!(loaded(book).row, row);
    let row = SessionRow {
        state: "stopped".to_owned(),
        badge: "failed".to_owned(),
        title: "Another".to_owned(),
        archived: true,
        ..after(&row, 3, 3)
    };
    book.commit(&Group { events: vec![event(1, 3, 3)], ..sessions(vec![row.clone()]) });
    assert_eq!(loaded(book), Loaded { row, snapshot: None, tail: vec![first, event(1, 2, 2), event(1, 3, 3)] });
    assert_eq!(book.reader().load(id("ses_", 2)).unwrap(), None);
}

pub(crate) fn the_newest_snapshot_counts<P: Place>(book: &mut Book<P>) {
    let events = (1..=6).map(|n| event(1, n, n)).collect();
    book.commit(&Group {
        events,
        snapshots: vec![snapshot(1, 2, "{\"two\":\"é\"}")],
        ..sessions(vec![after(&session(1), 6, 6)])
    });
    let loaded = |book: &Book<P>| book.reader().load(id("ses_", 1)).unwrap().unwrap();
    assert_eq!(loaded(book).snapshot, Some(snapshot(1, 2, "{\"two\":\"é\"}")));
    assert_eq!(loaded(book).tail, (3..=6).map(|n| event(1, n, n)).collect::<Vec<_>>());

    book.commit(&Group { snapshots: vec![snapshot(1, 4, "{}"), snapshot(1, 5, "large")], ..Group::default() });
    assert_eq!(loaded(book).snapshot, Some(snapshot(1, 5, "large")));
    assert_eq!(loaded(book).tail, vec![event(1, 6, 6)]);
    // An older one does not come back.
    book.commit(&Group { snapshots: vec![snapshot(1, 3, "old")], ..Group::default() });
    assert_eq!(loaded(book).snapshot, Some(snapshot(1, 5, "large")));

    let state = "s".repeat(500_000);
    book.commit(&Group { snapshots: vec![snapshot(1, 6, &state)], ..Group::default() });
    assert_eq!(loaded(book).snapshot, Some(snapshot(1, 6, &state)));
    assert_eq!(loaded(book).tail, vec![]);
}

pub(crate) fn a_gap_damages_its_session_only<P: Place>(book: &mut Book<P>) {
    book.commit(&Group {
        events: vec![event(1, 1, 11), event(2, 1, 12), event(2, 2, 13), event(2, 4, 14), event(3, 1, 15)],
        ..sessions(vec![session(1), after(&session(2), 4, 14), after(&session(3), 2, 16), session(4)])
    });
    let load = |book: &Book<P>, number| book.reader().load(id("ses_", number));
    assert!(load(book, 1).unwrap().is_some());
    for (number, name) in [(2, "gap"), (3, "last event is not there"), (4, "no event is there")] {
        let damaged = load(book, number);
        let Err(Error::Damaged { what, .. }) = damaged else { panic!("{name}: {damaged:?}") };
        assert!(what.contains(&format!("{number:032x}")), "{name}: {what}");
    }
    // It is read up to the gap, and beyond by asking for what is after it.
    let read = |after| {
        let filter = EventFilter { after: Some(after), limit: 9, ..EventFilter::default() };
        book.reader().events(LogKey(2), &filter).map(|rows| rows.iter().map(|row| row.seq).collect::<Vec<_>>())
    };
    assert_eq!(read(0).unwrap(), [1, 2]);
    assert!(matches!(read(2), Err(Error::Damaged { .. })));
    assert_eq!(read(3).unwrap(), [4]);
    // A snapshot beyond the gap makes it whole again; one that ends before does not.
    book.commit(&Group { snapshots: vec![snapshot(2, 2, "{}")], ..Group::default() });
    assert!(matches!(load(book, 2), Err(Error::Damaged { .. })));
    book.commit(&Group { snapshots: vec![snapshot(2, 3, "{}")], ..Group::default() });
    assert_eq!(load(book, 2).unwrap().unwrap().tail, vec![event(2, 4, 14)]);
}

pub(crate) fn a_purged_session_is_a_tombstone<P: Place>(book: &mut Book<P>) {
    book.commit(&Group {
        events: vec![event(1, 1, 1), event(2, 1, 2)],
        snapshots: vec![snapshot(1, 1, "{}"), snapshot(2, 1, "{}")],
        ..sessions(vec![session(1), session(2)])
    });
    let tombstone = SessionRow { deleted: true, title: String::new(), ..after(&session(1), 2, 3) };
    book.commit(&Group { events: vec![event(1, 2, 3)], purged: vec![LogKey(1)], ..sessions(vec![tombstone.clone()]) });
    assert_eq!(book.log(LogKey(1)), vec![], "the last event went too");
    let reader = book.reader();
    assert_eq!(reader.session(id("ses_", 1)).unwrap(), Some(tombstone.clone()));
    assert_eq!(reader.load(id("ses_", 1)).unwrap(), Some(Loaded { row: tombstone, snapshot: None, tail: vec![] }));
    assert_eq!(reader.changed(2, 10).unwrap().len(), 1);
    assert!(reader.changed(2, 10).unwrap()[0].deleted);
    assert!(reader.load(id("ses_", 2)).unwrap().unwrap().snapshot.is_some());
    assert_eq!(reader.events(LogKey(2), &EventFilter { limit: 9, ..EventFilter::default() }).unwrap().len(), 1);
}
