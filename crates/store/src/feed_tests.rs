use convene_core::Timestamp;

use super::*;

const A: LogKey = LogKey(1);
const B: LogKey = LogKey(2);

fn event(log: LogKey, seq: u64) -> EventRow {
    EventRow { log, seq, pos: seq, at: Timestamp::UNIX_EPOCH, index: None, turn: None, data: "{}".into() }
}

fn seqs(read: Read) -> Option<Vec<u64>> {
    match read {
        Read::Tail(events) => Some(events.iter().map(|event| event.seq).collect()),
        Read::Store => None,
    }
}

/// A feed that has room for so many events.
fn feed(events: usize) -> Feed {
    Feed::with_budget(0, events * weight(&event(A, 1)))
}

fn tails(feed: &Feed) -> usize {
    feed.lock().tails.len()
}

/// What the feed has must be what it counts.
fn check(feed: &Feed) {
    let logs = feed.lock();
    let held: usize = logs.tails.values().flat_map(|tail| &tail.events).map(weight).sum();
    assert_eq!(held, logs.bytes);
    assert!(logs.bytes <= feed.shared.budget);
    for tail in logs.tails.values() {
        assert!(tail.events.iter().zip(tail.events.iter().skip(1)).all(|(a, b)| a.seq + 1 == b.seq));
    }
}

#[test]
fn a_cursor_gets_what_is_after_it() {
    let feed = feed(100);
    feed.publish(&[event(A, 1), event(B, 1), event(A, 2), event(A, 3)], 4);
    assert_eq!(seqs(feed.read(A, 0, 3, 10, usize::MAX)), Some(vec![1, 2, 3]));
    assert_eq!(seqs(feed.read(A, 1, 3, 1, usize::MAX)), Some(vec![2]));
    assert_eq!(seqs(feed.read(A, 0, 3, 10, 1)), Some(vec![1]), "one in any case");
    assert_eq!(seqs(feed.read(A, 3, 3, 10, usize::MAX)), Some(vec![]));
    assert_eq!(seqs(feed.read(A, 9, 3, 10, usize::MAX)), Some(vec![]));
    assert_eq!(seqs(feed.read(B, 0, 1, 10, usize::MAX)), Some(vec![1]));
    check(&feed);
}

#[test]
fn a_log_that_nothing_was_published_of_is_read_from_the_store() {
    let feed = feed(100);
    assert_eq!(seqs(feed.read(A, 5, 7, 10, usize::MAX)), None);
    assert_eq!(seqs(feed.read(A, 7, 7, 10, usize::MAX)), Some(vec![]));
    // The first that is published after a start is not the log's first.
    feed.publish(&[event(A, 8)], 1);
    assert_eq!(seqs(feed.read(A, 5, 7, 10, usize::MAX)), None);
    assert_eq!(seqs(feed.read(A, 7, 7, 10, usize::MAX)), Some(vec![8]));
    let _follower = feed.follow(B);
    assert_eq!(seqs(feed.read(B, 0, 3, 10, usize::MAX)), None);
    assert_eq!(seqs(feed.read(B, 3, 3, 10, usize::MAX)), Some(vec![]));
}

#[test]
fn the_oldest_events_go_first_whatever_their_log() {
    let feed = feed(4);
    feed.publish(&[event(A, 1), event(B, 1), event(A, 2), event(B, 2)], 4);
    feed.publish(&[event(B, 3)], 5);
    assert_eq!(seqs(feed.read(A, 0, 2, 10, usize::MAX)), None, "the first event went");
    assert_eq!(seqs(feed.read(A, 1, 2, 10, usize::MAX)), Some(vec![2]));
    assert_eq!(seqs(feed.read(B, 0, 3, 10, usize::MAX)), Some(vec![1, 2, 3]));
    feed.publish(&[event(B, 4), event(B, 5)], 7);
    assert_eq!(seqs(feed.read(A, 1, 2, 10, usize::MAX)), None);
    assert_eq!(seqs(feed.read(A, 2, 2, 10, usize::MAX)), Some(vec![]));
    assert_eq!(seqs(feed.read(B, 1, 5, 10, usize::MAX)), Some(vec![2, 3, 4, 5]));
    check(&feed);
    assert_eq!(tails(&feed), 1, "a tail without events and followers is gone");
}

#[test]
fn more_than_fits_is_read_from_the_store() {
    let feed = feed(2);
    let follower = feed.follow(A);
    feed.publish(&(1..=5).map(|seq| event(A, seq)).collect::<Vec<_>>(), 5);
    assert_eq!(*follower.borrow(), 5, "who follows hears of it all the same");
    assert_eq!(seqs(feed.read(A, 0, 0, 10, usize::MAX)), None);
    assert_eq!(seqs(feed.read(A, 3, 0, 10, usize::MAX)), Some(vec![4, 5]));
    let mut large = event(A, 6);
    large.data = "x".repeat(10_000).into();
    feed.publish(&[large], 6);
    assert_eq!(seqs(feed.read(A, 5, 0, 10, usize::MAX)), None);
    assert_eq!(seqs(feed.read(A, 6, 0, 10, usize::MAX)), Some(vec![]));
    check(&feed);
}

#[test]
fn a_hole_is_never_handed_out() {
    let feed = feed(4);
    feed.publish(&[event(A, 1), event(A, 2)], 2);
    feed.publish(&[event(A, 5)], 5);
    assert_eq!(seqs(feed.read(A, 1, 5, 10, usize::MAX)), None);
    assert_eq!(seqs(feed.read(A, 4, 5, 10, usize::MAX)), Some(vec![5]));
    check(&feed);
    feed.publish(&(6..=9).map(|seq| event(A, seq)).collect::<Vec<_>>(), 9);
    assert_eq!(seqs(feed.read(A, 5, 9, 10, usize::MAX)), Some(vec![6, 7, 8, 9]));
    check(&feed);
}

#[test]
fn followers_hear_of_their_log_and_of_the_store() {
    let feed = Feed::new(7);
    let (mut a, mut b, mut all) = (feed.follow(A), feed.follow(B), feed.follow_all());
    assert_eq!((*a.borrow(), *all.borrow()), (0, 7));
    feed.publish(&[event(A, 1), event(A, 2)], 9);
    assert!(a.has_changed().unwrap() && !b.has_changed().unwrap() && all.has_changed().unwrap());
    assert_eq!((*a.borrow_and_update(), *b.borrow_and_update(), *all.borrow_and_update()), (2, 0, 9));
    // A change without events, of a row for instance, is told to those who follow the store.
    feed.publish(&[], 10);
    assert!(!a.has_changed().unwrap());
    assert_eq!(*all.borrow_and_update(), 10);
}

#[test]
fn tails_that_were_only_followed_do_not_pile_up() {
    let feed = feed(4);
    let kept = feed.follow(A);
    for log in 10..10_000 {
        drop(feed.follow(LogKey(log)));
    }
    assert!(tails(&feed) < 300, "{}", tails(&feed));
    feed.publish(&[event(A, 1)], 1);
    assert_eq!(*kept.borrow(), 1, "those that are followed stay");
}

#[test]
fn a_purged_log_is_forgotten() {
    let feed = feed(4);
    let mut follower = feed.follow(A);
    feed.publish(&[event(A, 1), event(B, 1)], 2);
    feed.forget(A);
    feed.forget(B);
    check(&feed);
    assert_eq!(seqs(feed.read(A, 0, 1, 10, usize::MAX)), None);
    assert_eq!(tails(&feed), 1);
    follower.mark_unchanged();
    feed.publish(&[event(A, 2)], 3);
    assert!(follower.has_changed().unwrap());
    feed.publish(&(3..=6).map(|seq| event(A, seq)).collect::<Vec<_>>(), 9);
    assert_eq!(seqs(feed.read(A, 2, 6, 10, usize::MAX)), Some(vec![3, 4, 5, 6]));
    check(&feed);
}

#[test]
fn readers_see_no_gap_while_events_are_published_and_evicted() {
    const LAST: u64 = 20_000;
    let feed = feed(64);
    let writer = feed.clone();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut seq = 0;
            while seq < LAST {
                let group: Vec<_> = (seq + 1..=(seq + 7).min(LAST)).map(|seq| event(A, seq)).collect();
                seq += group.len() as u64;
                writer.publish(&group, seq);
            }
        });
        for _ in 0..2 {
            scope.spawn(|| {
                let newest = feed.follow(A);
                let mut cursor = 0;
                while cursor < LAST {
                    match feed.read(A, cursor, 0, 16, usize::MAX) {
                        Read::Tail(events) => {
                            for event in events {
                                assert_eq!(event.seq, cursor + 1);
                                cursor = event.seq;
                            }
                        }
                        // As if the store had been read.
                        Read::Store => cursor = cursor.max((*newest.borrow()).saturating_sub(1)),
                    }
                    std::thread::yield_now();
                }
            });
        }
    });
    check(&feed);
}

#[tokio::test]
async fn news_are_announced_once_of_logs_that_are_wanted() {
    let feed = Feed::new(0);
    assert_eq!(feed.announce(A, true), 0);
    feed.publish(&[event(A, 1), event(B, 1)], 2);
    feed.publish(&[event(A, 2)], 3);
    assert_eq!(feed.announced().await, [A], "once, and not of a log that nobody wants");
    assert_eq!(feed.announce(B, true), 1, "that is past already");
    feed.publish(&[event(A, 3), event(B, 2), event(A, 4)], 6);
    assert_eq!(feed.announced().await, [A, B]);
    feed.announce(A, false);
    feed.publish(&[event(A, 5), event(B, 3)], 8);
    assert_eq!(feed.announced().await, [B]);
}
