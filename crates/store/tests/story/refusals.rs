//! What is refused changes nothing.

use convene_store::{
    Error, EventRow, Group, LogKey, Reader as _, ReplyRow, SessionFilter, SessionRow, SnapshotRow, TokenRow,
};

use crate::book::{Book, Place, at, event, id, session, sessions, thread};

fn reply(key: &str) -> ReplyRow {
    ReplyRow {
        owner: "local".to_owned(),
        key: key.to_owned(),
        request: String::new(),
        reply: "{}".to_owned(),
        at: at(0),
    }
}

fn token(number: u64, hash: &str) -> TokenRow {
    TokenRow {
        id: id("tok_", number),
        hash: hash.to_owned(),
        name: String::new(),
        scope: "owner".to_owned(),
        owner: "local".to_owned(),
        created_at: at(0),
        expires_at: None,
        generation: 0,
        previous_until: None,
        last_used_at: None,
    }
}

/// What a store has before: one session with one event, an answer, a token.
fn begin<P: Place>(book: &mut Book<P>) {
    book.commit(&Group {
        events: vec![event(1, 1, 1)],
        replies: vec![reply("key")],
        tokens: vec![token(1, "hash")],
        ..sessions(vec![session(1)])
    });
}

/// A group that is fine and changes something of everything.
fn fine() -> Group {
    Group {
        events: vec![event(1, 2, 2), event(2, 1, 3), event(3, 1, 4)],
        sessions: vec![SessionRow { seq: 2, pos: 2, title: "new".to_owned(), ..session(1) }, session(3)],
        threads: vec![thread(4)],
        snapshots: vec![SnapshotRow { log: LogKey(1), seq: 2, state: "{}".to_owned() }],
        replies: vec![reply("new")],
        tokens: vec![token(2, "new")],
        revoked: vec![id("tok_", 1)],
        purged: vec![LogKey(2)],
    }
}

/// Refuses the group, looks that nothing of it is there, and commits what is fine.
fn refuse<P: Place>(book: &mut Book<P>, group: &Group, why: &str) {
    let before = book.info();
    let error = book.refused(group);
    assert!(matches!(error, Error::Failed { .. }), "{why}: {error:?}");
    assert_eq!(book.info(), before, "{why}");
    assert_eq!(book.log(LogKey(1)), vec![event(1, 1, 1)], "{why}");
    assert_eq!(book.log(LogKey(3)), vec![], "{why}");
    let reader = book.reader();
    assert_eq!(book.list(SessionFilter::default()), [1], "{why}");
    let loaded = reader.load(id("ses_", 1)).unwrap().unwrap();
    assert_eq!((loaded.row, loaded.snapshot), (session(1), None), "{why}");
    assert_eq!(reader.thread(id("thr_", 4)).unwrap(), None, "{why}");
    assert_eq!(reader.reply("local", "new").unwrap(), None, "{why}");
    assert_eq!(reader.tokens().unwrap(), vec![token(1, "hash")], "{why}");
}

fn go_on<P: Place>(book: &mut Book<P>) {
    book.commit(&fine());
    assert_eq!(book.log(LogKey(1)), vec![event(1, 1, 1), event(1, 2, 2)]);
    assert_eq!(book.reader().tokens().unwrap(), vec![token(2, "new")]);
    assert_eq!(book.list(SessionFilter::default()), [3, 1]);
    assert_eq!(book.info().last_pos, 4);
}

pub(crate) fn an_event_twice_refuses_the_whole_group<P: Place>(book: &mut Book<P>) {
    begin(book);
    let mut twice = fine();
    twice.events.push(event(1, 2, 5));
    refuse(book, &twice, "a seq twice in the group");
    let mut again = fine();
    again.events.push(event(1, 1, 5));
    refuse(book, &again, "a seq that is there already");
    let mut place = fine();
    place.events.push(EventRow { pos: 1, ..event(1, 3, 5) });
    refuse(book, &place, "a position that is there already");
    go_on(book);
    book.refused(&fine());
}

pub(crate) fn any_clash_refuses_the_whole_group<P: Place>(book: &mut Book<P>) {
    begin(book);
    refuse(book, &Group { replies: vec![reply("new"), reply("key")], ..fine() }, "an answer twice");
    refuse(book, &Group { tokens: vec![token(2, "hash")], ..fine() }, "a token's hash twice");
    let mut group = fine();
    group.sessions.push(SessionRow { id: id("ses_", 1), ..session(9) });
    refuse(book, &group, "a session's id twice");
    go_on(book);
}

pub(crate) fn a_number_out_of_range_refuses_the_whole_group<P: Place>(book: &mut Book<P>) {
    begin(book);
    for (why, bad) in [
        ("pos", EventRow { pos: u64::MAX, ..event(1, 3, 5) }),
        ("seq", EventRow { seq: u64::MAX, ..event(1, 3, 5) }),
        ("index", EventRow { index: Some(u64::MAX), ..event(1, 3, 5) }),
    ] {
        let mut group = fine();
        group.events.push(bad);
        refuse(book, &group, why);
    }
    go_on(book);
}
