use std::{
    fs,
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use super::*;
use crate::{
    marker,
    process::Identity,
    rundir::{AttemptRecord, RunDir},
};

const SESSION: &str = "ses_0193a1b2c3d47e5f8a9b0c1d2e3f4a5b";

/// A run directory of an attempt whose keeper is gone.
fn abandoned(data_dir: &Path) -> RunDir {
    let mut keeper = Command::new("true").current_dir("/").spawn().unwrap();
    let identity = Identity::of(keeper.id().cast_signed()).unwrap();
    keeper.wait().unwrap();
    let record = AttemptRecord {
        session: SESSION.to_owned(),
        attempt: 3,
        worker: "local".to_owned(),
        agent: "fake".to_owned(),
        instance: "one".to_owned(),
        keeper: Some(identity),
        ..AttemptRecord::default()
    };
    RunDir::create(&data_dir.join("run"), &record).unwrap()
}

/// A process that carries the mark of an attempt.
fn marked(attempt: u32) -> Child {
    let mut command = Command::new("sleep");
    command.arg("600").current_dir("/").stdin(Stdio::null());
    #[expect(unsafe_code, reason = "a mark is set in the child alone, before it is another program")]
    // SAFETY: setting a limit is a plain system call.
    unsafe {
        command.pre_exec(move || marker::mark_self(SESSION, attempt).map(drop).map_err(std::io::Error::other));
    }
    command.spawn().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn a_process_of_an_attempt_that_is_over_is_found_and_ended_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(leftovers::orphans(dir.path()), []);
    let run_dir = abandoned(dir.path());
    let (mut ours, mut other) = (marked(3), marked(4));
    let found = leftovers::orphans(dir.path());
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].code, FindingCode::Orphans);
    assert_eq!(found[0].data["processes"][0]["pid"], ours.id());
    assert_eq!(found[0].data["processes"].as_array().unwrap().len(), 1);
    // A keeper that is alive looks after its processes by itself.
    let lock = run_dir.try_lock().unwrap().unwrap();
    assert_eq!(leftovers::orphans(dir.path()), []);
    drop(lock);
    let said = fix(dir.path(), &found[0]).unwrap().unwrap();
    assert!(said.starts_with("ended 1 left behind"), "{said}");
    assert!(ours.wait().unwrap().code().is_none());
    assert!(other.try_wait().unwrap().is_none(), "the other attempt has no run directory here");
    other.kill().unwrap();
    other.wait().unwrap();
    assert_eq!(leftovers::orphans(dir.path()), []);
}

#[test]
fn an_attempt_that_ended_with_nobody_to_say_so_is_told() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(leftovers::run_dirs(dir.path()), []);
    let run_dir = abandoned(dir.path());
    let found = leftovers::run_dirs(dir.path());
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].data["attempts"][0]["session"], SESSION);
    fs::write(run_dir.path().join("exit.json"), "half a rec").unwrap();
    assert_eq!(leftovers::run_dirs(dir.path()).len(), 1, "a record that cannot be read is told too");
    run_dir.remove().unwrap();
    assert_eq!(leftovers::run_dirs(dir.path()), []);
}

#[test]
fn a_proxy_without_an_exception_for_loopback_interferes_and_its_password_is_not_told() {
    let found = |variables: &[(&str, &str)]| {
        let get = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        environment::found(get)
    };
    let proxy = ("HTTPS_PROXY", "http://ana:canary@proxy:3128");
    let told = found(&[proxy]);
    assert_eq!(told.len(), 1);
    assert!(!serde_json::to_string(&told).unwrap().contains("canary"));
    assert_eq!(found(&[proxy, ("NO_PROXY", "internal, localhost")]), []);
    assert_eq!(found(&[("NODE_OPTIONS", "--inspect"), ("IS_SANDBOX", "1")]).len(), 2);
    assert_eq!(found(&[]), []);
}

#[cfg(target_os = "linux")]
#[test]
fn only_a_worker_with_its_token_among_the_arguments_is_told() {
    let words = |line: &'static str| line.split(' ').map(str::as_bytes).collect::<Vec<_>>();
    for (line, expected) in [
        ("/usr/bin/convene worker --token x", true),
        ("convene worker --server http://a:1 --token=x", true),
        ("convene worker --token-file f", false),
        ("convene prompt k3f9qz --token", false),
        ("other worker --token x", false),
    ] {
        assert_eq!(environment::has_token(&words(line)), expected, "{line}");
    }
}

#[test]
fn versions_as_programs_tell_them() {
    for (text, expected) in [
        ("v22.3.1\n", Some((22, 3))),
        ("git version 2.47.1 (Apple Git-154)\n", Some((2, 47))),
        ("git version 2.36\n", Some((2, 36))),
        ("nothing", None),
        ("", None),
    ] {
        assert_eq!(programs::numbers(text), expected, "{text:?}");
    }
}

#[test]
fn every_check_of_a_machine_without_sessions_ends_in_time() {
    let checks = checks(&PathBuf::from("/nowhere"));
    let n = checks.len();
    let report = convene_api::doctor::run(checks, convene_api::doctor::LIMIT);
    let unfinished: Vec<_> = report.items.iter().filter(|f| f.code == FindingCode::CheckUnfinished).collect();
    assert!(unfinished.is_empty(), "{unfinished:?}");
    assert!(!report.ok.is_empty() && report.ok.len() <= n);
}
