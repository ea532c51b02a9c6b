use std::os::unix::fs::PermissionsExt as _;

use super::*;

fn bundle(at: i64) -> Bundle {
    Bundle {
        schema: SCHEMA.to_owned(),
        at: jiff::Timestamp::from_second(at).expect("a time"),
        version: "0".to_owned(),
        session: "ses_1".to_owned(),
        attempt: 1,
        turn: None,
        kind: FailureKind::ProcessExit,
        code: None,
        error: "é".repeat(TEXT_MAX),
        agent: "fake".to_owned(),
        pid: Some(7),
        command: vec!["fake".to_owned()],
        cwd: "/".to_owned(),
        started_at: None,
        exit: Some(ProcessExit { code: None, signal: Some(9) }),
        step: None,
        containment: None,
        stderr: format!("first{}last", "🦀".repeat(TEXT_MAX)),
    }
}

#[test]
fn a_bundle_is_bounded_and_for_its_owner_only() {
    let home = tempfile::tempdir().expect("a directory");
    let directory = home.path().join("logs").join("crash-bundles");
    let path = bundle(1).write(&directory, &Redactor::default()).expect("written");
    assert_eq!(path.file_name().unwrap(), "ses_1-process_exit-1000000000.json");
    let mode = |path: &Path| fs::metadata(path).expect("is there").permissions().mode() & 0o777;
    assert_eq!((mode(&directory), mode(&path)), (0o700, 0o600));
    let read: Bundle = serde_json::from_slice(&fs::read(&path).expect("a file")).expect("a bundle");
    assert_eq!((read.schema.as_str(), read.exit.unwrap().signal), (SCHEMA, Some(9)));
    assert!(read.error.len() <= TEXT_MAX && read.stderr.len() <= TEXT_MAX);
    assert!(read.stderr.ends_with("last") && !read.stderr.contains("first"));
}

#[test]
fn only_the_newest_bundles_are_kept() {
    let home = tempfile::tempdir().expect("a directory");
    let more = i64::try_from(KEPT).unwrap() + 5;
    fs::write(home.path().join("notes.txt"), "not a bundle").expect("written");
    for at in 1..=more {
        bundle(at).write(home.path(), &Redactor::default()).expect("written");
    }
    let count = fs::read_dir(home.path()).expect("a list").count();
    assert_eq!(count, KEPT + 1, "and what is none stays");
    assert!(!home.path().join(bundle(5).file_name()).exists() && home.path().join(bundle(6).file_name()).exists());
}

#[test]
fn what_was_wanted_by_somebody_leaves_none() {
    use FailureKind::{Cancellation, PermissionFailure, ProviderAuthFailure, Timeout, UnknownFailure};
    assert!(
        [Cancellation, PermissionFailure, ProviderAuthFailure, Timeout, UnknownFailure].iter().all(|k| !is_for(*k))
    );
    assert!(is_for(FailureKind::StartupFailure) && is_for(FailureKind::TransportFailure));
}
