//! Events of a log.

use convene_core::ids::TurnId;
use convene_store::{EventFilter, EventRow, Group, LogKey, Reader as _, SessionFilter};

use crate::book::{Book, Place, at, event, id, session, sessions};

pub(crate) fn a_new_store_is_empty<P: Place>(book: &mut Book<P>) {
    assert_eq!((book.info().epoch, book.info().last_pos, book.info().last_key), (1, 0, LogKey(0)));
    book.commit(&Group::default());
    assert_eq!(book.info().epoch, 1, "the epoch is that of the first open");
    let reader = book.reader();
    assert_eq!(reader.session(id("ses_", 1)).unwrap(), None);
    assert_eq!(reader.load(id("ses_", 1)).unwrap(), None);
    assert_eq!(book.log(LogKey(1)), vec![]);
    assert_eq!(book.list(SessionFilter::default()), Vec::<u64>::new());
    assert_eq!(reader.live_sessions().unwrap(), vec![]);
    assert_eq!(reader.count_by_badge().unwrap(), vec![]);
    assert_eq!(reader.changed(0, 10).unwrap(), vec![]);
    assert_eq!(reader.thread(id("thr_", 1)).unwrap(), None);
    assert_eq!(reader.threads("default", false, None, 10).unwrap(), vec![]);
    assert_eq!(reader.thread_sessions(id("thr_", 1)).unwrap(), vec![]);
    assert_eq!(reader.reply("local", "key").unwrap(), None);
    assert_eq!(reader.tokens().unwrap(), vec![]);
}

pub(crate) fn events_come_back_as_they_were<P: Place>(book: &mut Book<P>) {
    let texts = [
        "{}",
        r#"{"type":"x","text":"naïve 日本語 🦀 \u0000 \" \\ \n"}"#,
        "{\"type\":\"x\",\"text\":\"\u{202e}\u{feff}e\u{301}\u{10ffff}\"}",
        "{\"type\":\"x\",\"nul\":\"\0\"}",
        "not even JSON; the store does not look",
        "",
    ];
    let mut rows = Vec::new();
    for (n, text) in (1..).zip(texts) {
        rows.push(EventRow { index: Some(n * 7), turn: Some(id("trn_", n)), data: text.into(), ..event(1, n, n) });
    }
    rows.push(EventRow { index: Some(0), at: at(0), ..event(1, 7, 7) });
    rows.push(EventRow { at: "1969-12-31T23:59:59.999Z".parse().unwrap(), ..event(1, 8, 8) });
    book.events(rows[..3].to_vec());
    book.events(rows[3..].to_vec());
    assert_eq!(book.log(LogKey(1)), rows);

    // Logs do not see each other, however they are mixed.
    let mixed: Vec<EventRow> = (0..60).map(|n| event(2 + n % 3, 1 + n as u64 / 3, 9 + n as u64)).collect();
    book.events(mixed[..31].to_vec());
    book.events(mixed[31..].to_vec());
    for log in 2..5 {
        let of_log: Vec<EventRow> = mixed.iter().filter(|row| row.log.0 == log).cloned().collect();
        assert_eq!(book.log(LogKey(log)), of_log);
    }
    assert_eq!(book.log(LogKey(1)), rows);
    assert_eq!((book.info().last_pos, book.info().last_key), (68, LogKey(4)));
}

pub(crate) fn filters_pick_events<P: Place>(book: &mut Book<P>) {
    let turn = |n: u64| Some(id::<TurnId>("trn_", n));
    let rows: Vec<EventRow> = (1..=20)
        .map(|n| {
            let kind = if n % 5 == 0 { "tool_call" } else { "agent_text" };
            // The type is a field of the object itself, wherever it stands.
            let data = format!(r#"{{"inner":{{"type":"decoy"}},"text":"\"type\":\"decoy\"","type":"{kind}","n":{n}}}"#);
            EventRow { turn: if n > 15 { None } else { turn(n / 10) }, data: data.into(), ..event(1, n, n) }
        })
        .collect();
    book.events(rows);
    book.events(vec![event(2, 1, 21)]);
    let reader = book.reader();
    let pick = |filter: EventFilter| -> Vec<u64> {
        let limit = if filter.limit == 0 { 100 } else { filter.limit };
        let rows = reader.events(LogKey(1), &EventFilter { limit, ..filter }).unwrap();
        rows.iter().map(|row| row.seq).collect()
    };
    let all = EventFilter::default;
    assert_eq!(pick(all()), (1..=20).collect::<Vec<_>>());
    assert_eq!(pick(EventFilter { after: Some(17), ..all() }), [18, 19, 20]);
    assert_eq!(pick(EventFilter { after: Some(20), ..all() }), Vec::<u64>::new());
    assert_eq!(pick(EventFilter { after: Some(u64::MAX), ..all() }), Vec::<u64>::new());
    assert_eq!(pick(EventFilter { before: Some(3), ..all() }), [1, 2]);
    assert_eq!(pick(EventFilter { before: Some(0), ..all() }), Vec::<u64>::new());
    assert_eq!(pick(EventFilter { before: Some(u64::MAX), after: Some(18), ..all() }), [19, 20]);
    assert_eq!(pick(EventFilter { after: Some(3), before: Some(6), ..all() }), [4, 5]);
    assert_eq!(pick(EventFilter { limit: 2, ..all() }), [1, 2]);
    assert_eq!(pick(EventFilter { limit: 2, newest: true, ..all() }), [19, 20]);
    assert_eq!(pick(EventFilter { limit: 2, newest: true, before: Some(5), ..all() }), [3, 4]);
    assert_eq!(pick(EventFilter { limit: 50, newest: true, after: Some(18), ..all() }), [19, 20]);
    let one = reader.events(LogKey(1), &EventFilter { limit: 1, ..all() }).unwrap()[0].data.len();
    assert_eq!(pick(EventFilter { bytes: Some(1), ..all() }), [1]);
    assert_eq!(pick(EventFilter { bytes: Some(2 * one), ..all() }), [1, 2]);
    assert_eq!(pick(EventFilter { bytes: Some(2 * one + 1), ..all() }), [1, 2, 3]);
    assert_eq!(pick(EventFilter { bytes: Some(1), newest: true, ..all() }), [20]);
    assert_eq!(pick(EventFilter { kind: Some("tool_call".to_owned()), ..all() }), [5, 10, 15, 20]);
    assert_eq!(pick(EventFilter { kind: Some("tool_call".to_owned()), limit: 2, ..all() }), [5, 10]);
    assert_eq!(pick(EventFilter { kind: Some("tool_call".to_owned()), limit: 2, newest: true, ..all() }), [15, 20]);
    assert_eq!(pick(EventFilter { kind: Some("decoy".to_owned()), ..all() }), Vec::<u64>::new());
    assert_eq!(pick(EventFilter { kind: Some("tool%".to_owned()), ..all() }), Vec::<u64>::new());
    assert_eq!(pick(EventFilter { turn: turn(1), ..all() }), [10, 11, 12, 13, 14, 15]);
    assert_eq!(pick(EventFilter { turn: turn(1), limit: 2, newest: true, ..all() }), [14, 15]);
    assert_eq!(pick(EventFilter { turn: turn(0), kind: Some("tool_call".to_owned()), ..all() }), [5]);
    assert_eq!(pick(EventFilter { turn: turn(9), ..all() }), Vec::<u64>::new());
    assert_eq!(reader.events(LogKey(1), &all()).unwrap(), vec![], "a limit of 0 is none");
    assert_eq!(reader.events(LogKey(9), &EventFilter { limit: 9, ..all() }).unwrap(), vec![]);
}

pub(crate) fn large_data_is_not_noticed<P: Place>(book: &mut Book<P>) {
    let large = |kind: &str, size: usize| format!(r#"{{"type":"{kind}","text":"{}é"}}"#, "x".repeat(size));
    let mut rows = Vec::new();
    for (n, size) in (1..).zip([10, 65_000, 65_536, 70_000, 3_000_000, 70_000]) {
        let kind = if n == 4 { "big \"one\"" } else { "agent_text" };
        rows.push(EventRow { data: large(&kind.replace('"', "\\\""), size).into(), ..event(1, n, n) });
    }
    rows.push(EventRow { data: "x".repeat(100_000).into(), ..event(1, 7, 7) });
    book.events(rows.clone());
    book.events(vec![EventRow { data: rows[3].data.clone(), ..event(2, 1, 8) }]);
    assert_eq!(book.log(LogKey(1)), rows);
    assert_eq!(book.log(LogKey(2))[0].data, rows[3].data);
    let filter = EventFilter { kind: Some("big \"one\"".to_owned()), limit: 9, ..EventFilter::default() };
    assert_eq!(book.reader().events(LogKey(1), &filter).unwrap(), rows[3..4]);

    // What two logs share stays until both are gone.
    book.commit(&Group { purged: vec![LogKey(1)], ..Group::default() });
    assert_eq!(book.log(LogKey(1)), vec![]);
    assert_eq!(book.log(LogKey(2))[0].data, rows[3].data);
    book.events(vec![EventRow { data: rows[4].data.clone(), ..event(2, 2, 9) }]);
    assert_eq!(book.log(LogKey(2))[1].data, rows[4].data);
}

pub(crate) fn ten_thousand_events_are_paged_both_ways<P: Place>(book: &mut Book<P>) {
    const LAST: u64 = 10_000;
    // Two logs take turns, in groups of uneven size.
    let rows: Vec<EventRow> = (1..=LAST).flat_map(|seq| [event(1, seq, 2 * seq - 1), event(2, seq, 2 * seq)]).collect();
    for group in rows.chunks(1_337) {
        book.events(group.to_vec());
    }
    let reader = book.reader();
    let mut forward = Vec::new();
    loop {
        let after = forward.last().map(|row: &EventRow| row.seq);
        let page = reader.events(LogKey(1), &EventFilter { after, limit: 333, ..EventFilter::default() }).unwrap();
        if page.is_empty() {
            break;
        }
        forward.extend(page);
    }
    assert!(forward.iter().map(|row| row.seq).eq(1..=LAST));
    assert!(forward.iter().zip(rows.iter().step_by(2)).all(|(read, written)| read == written));

    let mut backward = Vec::new();
    loop {
        let before = backward.last().map(|row: &EventRow| row.seq);
        let filter = EventFilter { before, limit: 777, newest: true, ..EventFilter::default() };
        let page = reader.events(LogKey(2), &filter).unwrap();
        if page.is_empty() {
            break;
        }
        backward.extend(page.into_iter().rev());
    }
    assert!(backward.iter().map(|row| row.seq).eq((1..=LAST).rev()));
}

pub(crate) fn what_the_writer_goes_on_from_only_grows<P: Place>(book: &mut Book<P>) {
    let go_on = |book: &Book<P>| (book.info().last_pos, book.info().last_key.0);
    book.events(vec![event(3, 1, 5)]);
    assert_eq!(go_on(book), (5, 3));
    // Keys and positions may skip.
    book.commit(&sessions(vec![session(40)]));
    assert_eq!(go_on(book), (40, 40));
    book.events(vec![event(40, 2, 50)]);
    // With all rows of the highest position and key gone they are not given again.
    book.commit(&Group { events: vec![event(41, 1, 60)], purged: vec![LogKey(41)], ..Group::default() });
    assert_eq!(book.log(LogKey(41)), vec![]);
    assert_eq!(go_on(book), (60, 41));
    book.commit(&Group { purged: vec![LogKey(3), LogKey(40), LogKey(41)], ..Group::default() });
    assert_eq!(go_on(book), (60, 41));
    book.events(vec![event(3, 2, 61)]);
    assert_eq!(go_on(book), (61, 41));
}
