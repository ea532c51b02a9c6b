use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

#[test]
fn what_has_ended_stays_so_until_its_time() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("auth")).unwrap();
    let open = |now| LoggedOut::open(dir.path(), at(now)).unwrap();
    let first = open(10);
    first.end(1, at(100)).unwrap();
    first.end(u64::MAX, at(200)).unwrap();
    assert!(first.has(1) && first.has(u64::MAX) && !first.has(2));
    let again = open(50);
    assert!(again.has(1) && again.has(u64::MAX) && !again.has(2));
    let later = open(150);
    assert!(!later.has(1) && later.has(u64::MAX));
    let file = dir.path().join("auth/logged_out");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "ffffffffffffffff 200\n", "it does not grow for ever");
    // A line that a crash cut off is none; the others count.
    std::fs::write(&file, "ffffffffffffffff 200\n0000000000000003 2").unwrap();
    let after_crash = open(150);
    assert!(after_crash.has(u64::MAX) && !after_crash.has(3));
    after_crash.end(4, at(300)).unwrap();
    assert!(open(150).has(4));
}
