use proptest::prelude::*;

use super::*;

fn texts(path: &Path) -> Vec<(u64, String)> {
    Records::open(path).unwrap().map(|record| record.map(|r| (r.index, r.text)).unwrap()).collect()
}

fn spool_with(dir: &Path, events: &[&str]) -> (PathBuf, Spool) {
    let path = dir.join("spool");
    let mut spool = Spool::open(&path).unwrap();
    spool.append(events.iter().copied()).unwrap();
    (path, spool)
}

#[test]
fn reads_back_what_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let (path, mut spool) = spool_with(dir.path(), &["one", "two", "three"]);
    assert_eq!(spool.next_index(), 3);
    assert_eq!(spool.read(10, 1000).unwrap(), ["one", "two", "three"]);
    assert_eq!(spool.read(2, 1000).unwrap(), ["one", "two"]);
    assert_eq!(spool.read(10, 4).unwrap(), ["one", "two"]);
    spool.ack(2).unwrap();
    assert_eq!(spool.read(10, 1000).unwrap(), ["three"]);
    // What is acknowledged stays readable for whoever comes after a death; the indexes tell.
    assert_eq!(texts(&path).last(), Some(&(2, "three".to_owned())));
}

#[test]
fn reads_records_that_are_longer_than_what_is_wanted() {
    let dir = tempfile::tempdir().unwrap();
    let long = "x".repeat(5000);
    let (path, mut spool) = spool_with(dir.path(), &["one", &long, "two"]);
    assert_eq!(spool.read(1, 1).unwrap(), ["one"]);
    assert_eq!(spool.read(3, 4).unwrap(), ["one", long.as_str()]);
    spool.ack(1).unwrap();
    assert_eq!(spool.read(3, 1).unwrap(), [long.as_str()]);
    assert_eq!(spool.read(3, 9999).unwrap(), [long.as_str(), "two"]);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[8 + 16 + 3 + 16 + 100] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    assert!(matches!(spool.read(3, 1), Err(Error::Damaged { index: 1, .. })));
    assert!(matches!(spool.read(3, 9999), Err(Error::Damaged { index: 1, .. })));
}

#[test]
fn goes_on_after_being_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let (path, spool) = spool_with(dir.path(), &["one", "two"]);
    drop(spool);
    let mut spool = Spool::open(&path).unwrap();
    assert_eq!((spool.acked(), spool.next_index()), (0, 2));
    spool.append(["three"]).unwrap();
    assert_eq!(texts(&path).len(), 3);
}

#[test]
fn frees_the_space_of_what_is_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let long = "x".repeat(300_000);
    let (path, mut spool) = spool_with(dir.path(), &[&long, &long, &long, &long]);
    assert!(spool.unacked_bytes() > 1_200_000);
    spool.ack(3).unwrap();
    assert!(std::fs::metadata(&path).unwrap().len() > 1_000_000);
    spool.ack(4).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().len(), HEAD);
    spool.append(["next"]).unwrap();
    assert_eq!(texts(&path), [(4, "next".to_owned())]);
    assert_eq!(spool.read(9, 9).unwrap(), ["next"]);
}

#[test]
fn cuts_off_a_long_acknowledged_beginning() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spool");
    let mut spool = Spool::open(&path).unwrap();
    let long = "x".repeat(1 << 20);
    for _ in 0..70 {
        spool.append([long.as_str()]).unwrap();
    }
    spool.append(["last"]).unwrap();
    spool.ack(70).unwrap();
    assert!(std::fs::metadata(&path).unwrap().len() < 1000);
    spool.append(["more"]).unwrap();
    assert_eq!(spool.read(9, 999).unwrap(), ["last", "more"]);
    assert_eq!(texts(&path), [(70, "last".to_owned()), (71, "more".to_owned())]);
}

#[test]
fn has_no_records_without_a_file_and_refuses_another_one() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(texts(&dir.path().join("missing")), []);
    let other = dir.path().join("other");
    std::fs::write(&other, "something else entirely").unwrap();
    assert!(matches!(Records::open(&other), Err(Error::NotASpool { .. })));
}

#[test]
fn survives_being_cut_at_every_byte() {
    let dir = tempfile::tempdir().unwrap();
    let events = ["{\"a\":1}", "", "{\"umlaut\":\"ä\"}"];
    let (path, spool) = spool_with(dir.path(), &events);
    drop(spool);
    let whole = std::fs::read(&path).unwrap();
    for length in 0..whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        let found = texts(&path);
        let expected: Vec<(u64, String)> = (0..).zip(events.iter().map(|&e| e.to_owned())).take(found.len()).collect();
        assert_eq!(found, expected, "cut at {length}");
        assert!(found.len() < events.len());
        let mut spool = Spool::open(&path).unwrap();
        assert_eq!(spool.next_index(), found.len() as u64);
        spool.append(["again"]).unwrap();
        assert_eq!(texts(&path).len(), found.len() + 1, "cut at {length}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever byte is damaged, what is read is a beginning of what was written.
    #[test]
    fn never_reads_what_was_not_written(
        events in prop::collection::vec(".{0,40}", 1..8),
        at in any::<prop::sample::Index>(),
        bit in 0_u8..8,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("spool");
        let mut spool = Spool::open(&path).unwrap();
        spool.append(events.iter().map(String::as_str)).unwrap();
        drop(spool);
        let mut bytes = std::fs::read(&path).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        std::fs::write(&path, &bytes).unwrap();
        let Ok(records) = Records::open(&path) else {
            prop_assert!(at < MAGIC.len());
            return Ok(());
        };
        let found: Vec<String> = records.map(|record| record.unwrap().text).collect();
        prop_assert!(found.len() < events.len() || at < MAGIC.len());
        prop_assert_eq!(&found[..], &events[..found.len()]);
    }

    /// Appends, reads and acknowledgements in any order keep events and indexes.
    #[test]
    fn keeps_what_is_not_acknowledged(steps in prop::collection::vec((0_usize..4, 0_u64..6), 1..40)) {
        let dir = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(&dir.path().join("spool")).unwrap();
        let mut written: Vec<String> = Vec::new();
        for (count, ahead) in steps {
            let fresh: Vec<String> = (0..count).map(|i| format!("{}", written.len() + i)).collect();
            spool.append(fresh.iter().map(String::as_str)).unwrap();
            written.extend(fresh);
            spool.ack(spool.acked() + ahead).unwrap();
            prop_assert_eq!(spool.next_index(), written.len() as u64);
            let acked = usize::try_from(spool.acked()).unwrap();
            prop_assert_eq!(spool.read(1000, 1 << 20).unwrap(), &written[acked..]);
        }
    }
}
