use super::*;

#[test]
fn the_first_worker_of_a_data_directory_keeps_its_directory_and_others_get_their_own() {
    let data = tempfile::tempdir().expect("a directory");
    let local = of(data.path(), "local").expect("a root");
    assert_eq!(local, data.path().join("run"));
    let other = of(data.path(), "build/1").expect("a root");
    assert_eq!(other, data.path().join("run-build_1"));
    assert_eq!(of(data.path(), "local").expect("a root"), local);
    assert_eq!(of(data.path(), "build/1").expect("a root"), other);
}

#[test]
fn one_process_at_a_time_looks_after_run_directories() {
    let data = tempfile::tempdir().expect("a directory");
    let held = lock(data.path()).expect("free");
    assert!(matches!(lock(data.path()), Err(Error::Taken { .. })));
    drop(held);
    lock(data.path()).expect("free again");
}
