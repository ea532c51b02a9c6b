use super::*;

#[test]
fn a_reserve_is_kept_spent_and_taken_back() {
    let dir = tempfile::tempdir().unwrap();
    let size = || fs::metadata(dir.path().join("reserve")).map(|meta| meta.len()).ok();
    let reserve = Reserve::open(dir.path());
    assert_eq!(size(), Some(SIZE));
    reserve.spend();
    assert_eq!(size(), None);
    reserve.spend();
    reserve.take().unwrap();
    assert_eq!(size(), Some(SIZE));
}

#[test]
fn without_room_there_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let reserve = Reserve { path: dir.path().join("gone/reserve") };
    assert!(reserve.take().is_err());
    reserve.spend();
}
