use tempfile::TempDir;

use super::*;

fn record(session: &str, attempt: u32) -> AttemptRecord {
    AttemptRecord {
        session: session.to_owned(),
        attempt,
        worker: "wrk_1".to_owned(),
        agent: "fake".to_owned(),
        instance: "i1".to_owned(),
        ..AttemptRecord::default()
    }
}

fn home() -> TempDir {
    TempDir::with_prefix("convene-rundir-").expect("make a directory")
}

#[test]
fn names_that_leave_the_root_are_refused() {
    let home = home();
    for session in ["", "..", ".", "a/b", "../a", "/tmp/a", "a/"] {
        let refused = RunDir::create(home.path(), &record(session, 1));
        assert!(matches!(refused, Err(Error::NotARunDirectory { .. })), "{session:?}: {refused:?}");
    }
    assert_eq!(fs::read_dir(home.path()).expect("list").count(), 0);
}

#[test]
fn directory_and_files_are_for_the_owner_only() {
    use std::os::unix::fs::PermissionsExt;

    let home = home();
    let run_dir = RunDir::create(&home.path().join("run"), &record("ses_1", 2)).expect("create");
    run_dir.write_handed_over("trn_1").expect("write");
    let mode = |path: &Path| fs::metadata(path).expect("stat").permissions().mode() & 0o777;
    assert_eq!(mode(run_dir.path()), 0o700);
    assert_eq!(mode(&run_dir.path().join("attempt.json")), 0o600);
    assert_eq!(run_dir.handed_over().expect("read"), Some(HandOver { turn: "trn_1".to_owned() }));
}

#[test]
fn lock_is_held_once_and_seen_by_everybody() {
    let home = home();
    let run_dir = RunDir::create(home.path(), &record("ses_1", 1)).expect("create");
    assert!(!run_dir.is_alive().expect("ask"));
    let lock = run_dir.try_lock().expect("try").expect("free");
    assert!(run_dir.is_alive().expect("ask"));
    assert!(run_dir.try_lock().expect("try").is_none());
    drop(lock);
    assert!(!run_dir.is_alive().expect("ask"));
    run_dir.wait_until_free().expect("nobody holds it");
}

#[test]
fn those_who_ask_do_not_stop_the_one_who_locks() {
    let home = home();
    let run_dir = RunDir::create(home.path(), &record("ses_1", 1)).expect("create");
    drop(run_dir.try_lock().expect("try"));
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| (0..2000).all(|_| run_dir.is_alive().is_ok()));
        while !asking.is_finished() {
            assert!(run_dir.try_lock().expect("try").is_some());
        }
    });
}

#[test]
fn damaged_file_is_an_error_and_not_an_absence() {
    let home = home();
    let run_dir = RunDir::create(home.path(), &record("ses_1", 1)).expect("create");
    fs::write(run_dir.path().join("exit.json"), "{\"by\":").expect("write");
    assert!(matches!(run_dir.exit_record(), Err(Error::Malformed { .. })));
}

#[test]
fn exit_record_has_a_stable_form() {
    let text = r#"{"session":"ses_1","attempt":1,"by":"worker","reason":"abandoned","runner":null,
        "agent":{"pid":7,"exit":{"signal":9},"at":"2026-01-01T00:00:00Z"},"verified":true,"survivors":0,
        "containment":"subreaper","at":"2026-01-01T00:00:01Z"}"#;
    let record: ExitRecord = serde_json::from_str(text).expect("the form of the first version");
    assert_eq!(serde_json::to_string(&record).expect("plain data"), text.split_whitespace().collect::<String>());
    let later =
        text.replace("abandoned", "struck_by_lightning").replace("\"verified\"", "\"new_field\":1,\"verified\"");
    let record: ExitRecord = serde_json::from_str(&later).expect("the form of a later version");
    assert_eq!(record.reason, EndReason::Other);
}

#[test]
fn a_run_directory_is_lost_when_it_is_gone_or_another_one() {
    let home = home();
    let run_dir = RunDir::create(home.path(), &record("ses_1", 1)).expect("create");
    let place = run_dir.place();
    assert!(place.is_some() && !run_dir.is_lost(place) && !run_dir.is_gone());
    let moved = home.path().join("moved");
    fs::rename(run_dir.path(), &moved).expect("move");
    assert!(run_dir.is_lost(place) && run_dir.is_gone());
    fs::create_dir(run_dir.path()).expect("create another");
    assert!(run_dir.is_lost(place) && !run_dir.is_gone());
    fs::remove_dir(run_dir.path()).expect("remove");
    fs::rename(&moved, run_dir.path()).expect("move back");
    assert!(!run_dir.is_lost(place));
    // Who never knew which one it was can only tell that there is none.
    assert!(!run_dir.is_lost(None));
}
