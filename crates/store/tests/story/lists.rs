//! Lists, counts, and what list streams go by.

use convene_store::{Changed, ChangedObject, Group, Reader as _, SessionFilter, SessionRow, ThreadRow};

use crate::book::{Book, Place, id, number, session, sessions, thread};

fn all() -> SessionFilter {
    SessionFilter::default()
}

pub(crate) fn sessions_are_listed_newest_first<P: Place>(book: &mut Book<P>) {
    book.commit(&sessions((1..=5).map(session).collect()));
    book.commit(&sessions((6..=9).map(session).collect()));
    // Changed last is not created last.
    book.commit(&sessions(vec![
        SessionRow { pos: 10, ..session(2) },
        SessionRow { pos: 11, deleted: true, ..session(7) },
    ]));
    assert_eq!(book.list(all()), [9, 8, 6, 5, 4, 3, 2, 1]);
    assert_eq!(book.list(SessionFilter { limit: 3, ..all() }), [9, 8, 6]);
    assert_eq!(book.list(SessionFilter { limit: 3, before: Some(6), ..all() }), [5, 4, 3]);
    assert_eq!(book.list(SessionFilter { before: Some(1), ..all() }), Vec::<u64>::new());
    assert_eq!(book.reader().sessions(&all()).unwrap(), vec![], "a limit of 0 is none");
    let filter = SessionFilter { limit: 1, ..all() };
    assert_eq!(book.reader().sessions(&filter).unwrap(), vec![session(9)]);
}

pub(crate) fn sessions_are_found_by_their_columns<P: Place>(book: &mut Book<P>) {
    let text = str::to_owned;
    book.commit(&sessions(vec![
        session(1),
        SessionRow { namespace: text("team"), ..session(2) },
        SessionRow { state: text("running"), badge: text("needs-you"), ..session(3) },
        SessionRow { state: text("stopped"), badge: text("failed"), archived: true, ..session(4) },
        SessionRow { agent: text("codex"), ..session(5) },
        SessionRow { thread: id("thr_", 2), ..session(6) },
        SessionRow { thread: id("thr_", 2), archived: true, agent: text("codex"), ..session(7) },
    ]));
    let find = |filter| book.list(filter);
    assert_eq!(find(SessionFilter { namespace: Some(text("team")), ..all() }), [2]);
    assert_eq!(find(SessionFilter { namespace: Some(text("TEAM")), ..all() }), Vec::<u64>::new());
    assert_eq!(find(SessionFilter { states: vec![text("running")], ..all() }), [3]);
    assert_eq!(find(SessionFilter { states: vec![text("stopped"), text("running"), text("x")], ..all() }), [4, 3]);
    assert_eq!(find(SessionFilter { badge: Some(text("failed")), ..all() }), [4]);
    assert_eq!(find(SessionFilter { agent: Some(text("codex")), ..all() }), [7, 5]);
    assert_eq!(find(SessionFilter { thread: Some(id("thr_", 2)), ..all() }), [7, 6]);
    assert_eq!(find(SessionFilter { archived: Some(true), ..all() }), [7, 4]);
    assert_eq!(find(SessionFilter { archived: Some(false), ..all() }), [6, 5, 3, 2, 1]);
    let narrow = SessionFilter {
        namespace: Some(text("default")),
        states: vec![text("idle"), text("running")],
        badge: Some(text("idle")),
        agent: Some(text("codex")),
        thread: Some(id("thr_", 2)),
        archived: Some(true),
        text: Some(text("src/7")),
        before: Some(8),
        limit: 5,
    };
    assert_eq!(find(narrow.clone()), [7]);
    assert_eq!(find(SessionFilter { before: Some(7), ..narrow }), Vec::<u64>::new());
}

pub(crate) fn sessions_are_found_by_text<P: Place>(book: &mut Book<P>) {
    book.commit(&sessions(vec![
        SessionRow { title: "Ärger mit der Löschung".to_owned(), ..session(1) },
        SessionRow { cwd: "/home/zoë/Projekt_A".to_owned(), ..session(2) },
        SessionRow { title: "100% done".to_owned(), ..session(3) },
        SessionRow { owner: "nobody looks here".to_owned(), ..session(0xabc) },
    ]));
    let find = |text: &str| book.list(SessionFilter { text: Some(text.to_owned()), ..all() });
    assert_eq!(find("ärger"), [1]);
    assert_eq!(find("ÄRGER MIT"), [1]);
    assert_eq!(find("ZOË/projekt"), [2]);
    assert_eq!(find("projekt_a"), [2]);
    assert_eq!(find("projektxa"), Vec::<u64>::new(), "there are no wildcards");
    assert_eq!(find("100%"), [3]);
    assert_eq!(find("%"), [3]);
    assert_eq!(find("0ABC"), [0xabc]);
    assert_eq!(find("nobody"), Vec::<u64>::new());
    assert_eq!(find(""), [0xabc, 3, 2, 1]);
    // The limit is of what is found.
    let filter = SessionFilter { text: Some("ÄRGER".to_owned()), limit: 1, ..all() };
    assert_eq!(book.list(filter), [1]);
}

pub(crate) fn live_sessions_and_badges_are_counted<P: Place>(book: &mut Book<P>) {
    let with = |number, state: &str, badge: &str| SessionRow {
        state: state.to_owned(),
        badge: badge.to_owned(),
        ..session(number)
    };
    book.commit(&sessions(vec![
        with(1, "idle", "idle"),
        with(2, "running", "running"),
        with(3, "stopped", "stopped"),
        SessionRow { deleted: true, ..with(4, "running", "running") },
        SessionRow { archived: true, ..with(5, "idle", "idle") },
        with(6, "pending", "idle"),
        with(7, "hibernated", "idle"),
    ]));
    let live =
        |book: &Book<P>| -> Vec<u64> { book.reader().live_sessions().unwrap().into_iter().map(number).collect() };
    let count = |book: &Book<P>| book.reader().count_by_badge().unwrap();
    let badges = |pairs: &[(&str, u64)]| -> Vec<(String, u64)> {
        pairs.iter().map(|(badge, count)| ((*badge).to_owned(), *count)).collect()
    };
    assert_eq!(live(book), [1, 2, 5, 6]);
    assert_eq!(count(book), badges(&[("idle", 3), ("running", 1), ("stopped", 1)]));
    book.commit(&sessions(vec![with(1, "stopped", "failed"), with(3, "idle", "idle"), with(4, "running", "running")]));
    assert_eq!(live(book), [2, 3, 4, 5, 6]);
    assert_eq!(count(book), badges(&[("failed", 1), ("idle", 3), ("running", 2)]));
}

pub(crate) fn a_session_is_found_by_the_end_of_its_id<P: Place>(book: &mut Book<P>) {
    book.commit(&sessions(vec![
        session(0xaa_bbcc),
        session(0xdd_bbcc),
        session(0x11_2233),
        SessionRow { deleted: true, ..session(0x99_bbcc) },
    ]));
    let find = |suffix: &str, limit| -> Vec<u64> {
        book.reader().sessions_by_suffix(suffix, limit).unwrap().into_iter().map(number).collect()
    };
    assert_eq!(find("112233", 2), [0x11_2233]);
    assert_eq!(find("bbcc", 9), [0xaa_bbcc, 0xdd_bbcc]);
    assert_eq!(find("BBCC", 1), [0xaa_bbcc]);
    assert_eq!(find(&format!("{:032x}", 0x11_2233), 9), [0x11_2233]);
    for nothing in ["", "bbcd", "%", "_", "s_112233", "ses_", "é", &"0".repeat(33)] {
        assert_eq!(find(nothing, 9), Vec::<u64>::new(), "{nothing}");
    }
}

pub(crate) fn threads_are_listed_newest_first<P: Place>(book: &mut Book<P>) {
    let threads = |rows| Group { threads: rows, ..Group::default() };
    book.commit(&threads(vec![
        thread(1),
        thread(2),
        ThreadRow { namespace: "team".to_owned(), ..thread(3) },
        ThreadRow { archived: true, ..thread(4) },
        ThreadRow { state: "{\"title\":\"ü\"}".to_owned(), ..thread(5) },
        thread(6),
    ]));
    book.commit(&threads(vec![
        ThreadRow { pos: 7, state: "{}".to_owned(), ..thread(1) },
        ThreadRow { pos: 8, deleted: true, ..thread(6) },
    ]));
    let list = |namespace, archived, before, limit| -> Vec<u64> {
        let rows = book.reader().threads(namespace, archived, before, limit).unwrap();
        rows.into_iter().map(|row| number(row.id)).collect()
    };
    assert_eq!(list("default", false, None, 10), [5, 2, 1]);
    assert_eq!(list("default", false, None, 2), [5, 2]);
    assert_eq!(list("default", false, Some(2), 10), [1]);
    assert_eq!(list("default", true, None, 10), [4]);
    assert_eq!(list("team", false, None, 10), [3]);
    assert_eq!(list("none", false, None, 10), Vec::<u64>::new());
    let one = book.reader().thread(id("thr_", 1)).unwrap();
    assert_eq!(one, Some(ThreadRow { pos: 7, state: "{}".to_owned(), ..thread(1) }));
    assert!(book.reader().thread(id("thr_", 6)).unwrap().unwrap().deleted);

    book.commit(&sessions(vec![
        SessionRow { thread: id("thr_", 1), ..session(12) },
        SessionRow { thread: id("thr_", 1), ..session(11) },
        SessionRow { thread: id("thr_", 1), deleted: true, ..session(13) },
        SessionRow { thread: id("thr_", 2), ..session(14) },
    ]));
    let of_one = book.reader().thread_sessions(id("thr_", 1)).unwrap();
    assert_eq!(of_one.into_iter().map(number).collect::<Vec<_>>(), [11, 12]);
}

pub(crate) fn changes_come_once_each_in_order<P: Place>(book: &mut Book<P>) {
    let seen = |book: &Book<P>, after, limit| -> Vec<(char, u64, u64)> {
        let changes = book.reader().changed(after, limit).unwrap();
        changes
            .into_iter()
            .map(|Changed { object, pos, .. }| match object {
                ChangedObject::Session(id) => ('s', number(id), pos),
                ChangedObject::Thread(id) => ('t', number(id), pos),
            })
            .collect()
    };
    book.commit(&Group { threads: vec![thread(1)], ..sessions(vec![session(2), session(3)]) });
    assert_eq!(seen(book, 0, 9), [('t', 1, 1), ('s', 2, 2), ('s', 3, 3)]);
    assert_eq!(seen(book, 2, 9), [('s', 3, 3)]);

    book.commit(&sessions(vec![SessionRow { pos: 4, deleted: true, ..session(2) }]));
    book.commit(&Group { threads: vec![ThreadRow { pos: 6, ..thread(1) }], ..sessions(vec![session(5)]) });
    let whole = [('s', 3, 3), ('s', 2, 4), ('s', 5, 5), ('t', 1, 6)];
    assert_eq!(seen(book, 0, 9), whole);
    assert_eq!(seen(book, 3, 9), whole[1..]);
    assert!(seen(book, 6, 9).is_empty());
    assert!(seen(book, u64::MAX, 9).is_empty());
    // In pages of any size it is the same.
    for limit in 1..5 {
        let (mut cursor, mut paged) = (0, Vec::new());
        loop {
            let page = seen(book, cursor, limit);
            let Some((.., last)) = page.last() else { break };
            cursor = *last;
            paged.extend(page);
        }
        assert_eq!(paged, whole);
    }
    let gone = &book.reader().changed(3, 1).unwrap()[0];
    assert_eq!((gone.created_pos, gone.deleted), (2, true));
}
