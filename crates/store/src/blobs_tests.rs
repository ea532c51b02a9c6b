use std::os::unix::fs::PermissionsExt as _;

use super::*;

#[test]
fn what_is_put_is_got_under_its_hash() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(dir.path());
    let hash = blobs.put(b"hello").unwrap();
    assert_eq!(hash, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    assert_eq!(blobs.put(b"hello").unwrap(), hash);
    assert_eq!(blobs.get(&hash).unwrap().as_deref(), Some(&b"hello"[..]));
    assert_eq!(Blobs::open(dir.path()).get(&hash).unwrap().as_deref(), Some(&b"hello"[..]));
    assert_eq!(blobs.get(&super::hash(b"other")).unwrap(), None);
    blobs.remove(&hash);
    assert_eq!(blobs.get(&hash).unwrap(), None);
}

#[test]
fn only_the_owner_may_look() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(dir.path());
    let hash = blobs.put(b"secret").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&blobs.path(&hash)), 0o600);
    assert_eq!(mode(&dir.path().join("blobs")), 0o700);
    assert_eq!(mode(blobs.path(&hash).parent().unwrap()), 0o700);
}

#[test]
fn what_is_no_hash_is_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(dir.path());
    fs::write(dir.path().join("secret"), "x").unwrap();
    fs::create_dir_all(dir.path().join("blobs/..")).unwrap();
    let upper = super::hash(b"x").to_uppercase();
    let dots = format!("../{}", "a".repeat(61));
    for text in ["", "../secret", "/etc/passwd", "..", "2cf2", &upper, &dots, "é", &"é".repeat(32)] {
        assert_eq!(blobs.get(text).unwrap(), None, "{text}");
    }
}

#[test]
fn a_file_that_is_not_what_its_name_says_is_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(dir.path());
    let hash = blobs.put(b"hello").unwrap();
    fs::write(blobs.path(&hash), b"hellO").unwrap();
    assert!(matches!(blobs.get(&hash), Err(Error::Damaged { .. })));
}

#[test]
fn a_shorter_file_of_the_same_name_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(dir.path());
    let hash = blobs.put(b"hello").unwrap();
    fs::write(blobs.path(&hash), b"hel").unwrap();
    assert_eq!(blobs.put(b"hello").unwrap(), hash);
    assert_eq!(blobs.get(&hash).unwrap().as_deref(), Some(&b"hello"[..]));
}

#[test]
fn no_temporary_file_stays() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(dir.path());
    let hash = blobs.put(b"hello").unwrap();
    let shelf = blobs.path(&hash).parent().unwrap().to_owned();
    assert_eq!(fs::read_dir(shelf).unwrap().count(), 1);
}

#[test]
fn a_file_in_the_way_is_said() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("blobs"), "x").unwrap();
    assert!(matches!(Blobs::open(dir.path()).put(b"hello"), Err(Error::ReadOnly { .. })));
}
