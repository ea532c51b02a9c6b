//! The simulator finds bugs: each is planted, and some story out of a few ends with what it broke, while the same
//! stories without it end well. `CONVENE_SIM_PLANT=NAME` tries one alone.

use std::time::{Duration, Instant};

use convene_testkit::sim::{self, MemDisk, Plant};

/// Stories that are told until one finds the bug.
const SEEDS: std::ops::Range<u64> = 0..60;

/// Within which it must be found.
const PATIENCE: Duration = Duration::from_secs(60);

/// The bug is found, and told by one of these words.
fn finds(plant: Plant, words: &[&str]) {
    let begun = Instant::now();
    let found =
        SEEDS.into_iter().find_map(|seed| Some((seed, sim::run_planted(seed, MemDisk::default(), plant).err()?)));
    let took = begun.elapsed();
    let (seed, why) = found.unwrap_or_else(|| panic!("{plant:?} is not found in {took:?}"));
    println!("{plant:?}: seed {seed}, {took:?}: {}", why.lines().next().unwrap_or_default());
    assert!(words.iter().any(|word| why.contains(word)), "{plant:?} is found for another reason: {why}");
    assert!(took < PATIENCE, "{plant:?} is found after {took:?}");
    if let Err(why) = sim::run(seed, MemDisk::default()) {
        panic!("CONVENE_SIM_SEED={seed}: without {plant:?} too: {why}");
    }
}

#[test]
fn attempts_without_a_fence() {
    finds(Plant::NoFence, &["the runner had said", "nobody said this"]);
}

#[test]
fn what_is_published_before_its_commit() {
    finds(Plant::PublishBeforeCommit, &["saw what is not committed", "published", "is in no log", "does not exist"]);
}

#[test]
fn reports_that_are_taken_twice() {
    finds(Plant::NoDedupe, &["nobody said this", "the runner had said"]);
}

#[test]
fn expiry_when_the_server_starts() {
    finds(Plant::ExpiryAtStart, &["expires what it could not hear of"]);
}

#[test]
fn a_hand_over_without_a_marker() {
    finds(Plant::NoMarker, &["an agent had this prompt, and it waits again", "was handed over 2 times"]);
}

#[test]
fn answers_that_are_recorded_apart() {
    finds(Plant::RepliesApart, &["made", "queued twice", "accepted"]);
}

#[test]
fn a_group_that_is_committed_in_parts() {
    finds(Plant::GroupInParts, &["nobody was told so", "published", "is in no log"]);
}

#[test]
fn a_cursor_that_is_off_by_one() {
    finds(Plant::CursorOffByOne, &["events is sent"]);
}

#[test]
fn a_seat_that_is_never_free_again() {
    finds(Plant::SeatLeak, &["no rest", "seats are taken"]);
}

#[test]
fn an_end_that_overtakes_what_was_said_before() {
    finds(Plant::EndBeforeTail, &["spooled events are in the log"]);
}

#[test]
fn orders_that_are_obeyed_twice() {
    finds(Plant::OrdersTwice, &["was handed over 2 times"]);
}
