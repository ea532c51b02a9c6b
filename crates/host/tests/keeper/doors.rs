//! What a launched attempt shows and hides while it lives.

use std::fs;
use std::process::{Child, Command, ExitCode};
use std::time::Duration;

use convene_host::marker::{Hold, Marker};
use convene_host::process::{self, Burial, Exit, Identity};
use convene_host::rundir::Recorder;
use convene_host::{death, marker};
use libtest_mimic::Trial;

use crate::fixture::{Attempt, TOKEN, kill, kill_together, launch};
use crate::runner::OnStop;

pub fn trials() -> Vec<Trial> {
    let test = |name: &str, body: fn()| {
        Trial::test(name, move || {
            body();
            Ok(())
        })
    };
    vec![
        test("second_keeper_is_refused", second_keeper_is_refused),
        test("ended_attempt_is_not_started_again", ended_attempt_is_not_started_again),
        test("token_is_in_no_argument_and_no_environment", token_is_in_no_argument_and_no_environment),
        test("agent_inherits_no_descriptor", agent_inherits_no_descriptor),
        test("keeper_leads_a_session_of_its_own", keeper_leads_a_session_of_its_own),
        test("every_process_is_marked", every_process_is_marked),
        test("bury_of_an_attempt_that_never_started", bury_of_an_attempt_that_never_started),
        test("attempt_within_an_attempt_has_both_marks", attempt_within_an_attempt_has_both_marks),
        test("kept_child_survives_its_siblings", kept_child_survives_its_siblings),
        test("damaged_files_do_not_stop_a_burial", damaged_files_do_not_stop_a_burial),
        test("scan_finds_what_remove_deletes", scan_finds_what_remove_deletes),
    ]
}

fn second_keeper_is_refused() {
    let attempt = Attempt::launch(OnStop::GoInOrder);
    let before = attempt.cast();
    let second = launch(&attempt.run_dir, attempt.diary(), OnStop::GoInOrder);
    attempt.wait_until("the second one has gone", || !second.is_alive());
    assert_eq!(second.reap(), Some(Exit::Code(70)));
    assert!(before.keeper.is_alive() && before.runner.is_alive() && before.agent.is_alive());
    assert_eq!(attempt.cast().runner, before.runner, "attempt.json is the first one's");
    kill(&before.runner);
    attempt.finish();
}

fn ended_attempt_is_not_started_again() {
    let attempt = Attempt::launch(OnStop::GoInOrder);
    kill(&attempt.cast().agent);
    let record = attempt.finish();
    let second = launch(&attempt.run_dir, attempt.diary(), OnStop::GoInOrder);
    attempt.wait_until("the second one has gone", || !second.is_alive());
    assert_eq!(second.reap(), Some(Exit::Code(70)));
    assert_eq!(attempt.run_dir.exit_record().expect("read exit.json"), Some(record));
}

fn token_is_in_no_argument_and_no_environment() {
    let attempt = Attempt::launch(OnStop::GoInOrder);
    for process in attempt.marked() {
        for file in ["cmdline", "environ"] {
            let bytes = fs::read(format!("/proc/{}/{file}", process.pid)).unwrap_or_default();
            assert!(!String::from_utf8_lossy(&bytes).contains(TOKEN), "{file} of {process:?}");
        }
    }
    for entry in fs::read_dir(attempt.run_dir.path()).expect("list the run directory") {
        let path = entry.expect("an entry").path();
        assert!(!fs::read_to_string(&path).unwrap_or_default().contains(TOKEN), "{path:?}");
    }
    kill(&attempt.cast().runner);
    attempt.finish();
}

fn agent_inherits_no_descriptor() {
    let leaked = fs::File::open(std::env::current_exe().expect("own path")).expect("open a file");
    let inheritable = rustix::io::FdFlags::empty();
    rustix::io::fcntl_setfd(&leaked, inheritable).expect("make it inheritable");
    let attempt = Attempt::launch(OnStop::GoInOrder);
    let cast = attempt.cast();
    let open = |who: &Identity| -> Vec<String> {
        let fds = fs::read_dir(format!("/proc/{}/fd", who.pid)).expect("list descriptors");
        let target = |entry: std::io::Result<fs::DirEntry>| {
            let entry = entry.ok()?;
            let target = fs::read_link(entry.path()).ok()?;
            Some(format!("{} {}", entry.file_name().display(), target.display()))
        };
        fds.filter_map(target).collect()
    };
    // Between its fork and its exec the agent still shows what the exec will close.
    let standard = ["0 /dev/null", "1 /dev/null", "2 /dev/null"];
    attempt.wait_until("the agent has its standard descriptors alone", || open(&cast.agent) == standard);
    let keeper = open(&cast.keeper);
    assert_eq!(keeper.len(), 4, "standard ones and the lock: {keeper:?}");
    assert!(keeper.iter().any(|fd| fd == "0 /dev/null"), "the configuration is closed: {keeper:?}");
    let runner = open(&cast.runner);
    assert!(runner.iter().all(|fd| !fd.ends_with("/lock")), "the lock is the keeper's alone: {runner:?}");
    kill(&cast.runner);
    attempt.finish();
}

fn keeper_leads_a_session_of_its_own() {
    let attempt = Attempt::launch(OnStop::GoInOrder);
    let cast = attempt.cast();
    let session =
        rustix::process::getsid(rustix::process::Pid::from_raw(cast.runner.pid)).expect("ask for the session");
    assert_eq!(session.as_raw_nonzero().get(), cast.keeper.pid);
    assert_eq!(Some(&cast.keeper), attempt.launched.as_ref());
    kill(&cast.runner);
    attempt.finish();
}

fn every_process_is_marked() {
    let attempt = Attempt::launch(OnStop::GoInOrder);
    let cast = attempt.cast();
    let mine = Marker::of(attempt.run_dir.session(), 1);
    let marked = attempt.marked();
    for (kind, identity) in attempt.tree() {
        assert!(marked.iter().any(|process| process.pid == identity.pid), "{kind} is not marked");
        assert_eq!(marker::marker_of(identity.pid), Some(mine), "{kind}");
    }
    for identity in [&cast.keeper, &cast.runner] {
        assert!(marked.iter().any(|process| process.pid == identity.pid));
    }
    assert!(!marker::is_marked(std::process::id().cast_signed()), "the worker is not part of the attempt");
    let below = process::descendants(cast.keeper.pid).expect("read the process table");
    assert!(attempt.tree().iter().all(|(_, identity)| below.iter().any(|process| process.pid == identity.pid)));
    kill(&cast.keeper);
    attempt.finish();
}

fn bury_of_an_attempt_that_never_started() {
    let attempt = Attempt::prepare();
    let record = death::bury(&attempt.run_dir).expect("bury");
    assert!(record.verified);
    assert_eq!(death::bury(&attempt.run_dir).expect("bury again"), record, "there is one end");
}

fn scan_finds_what_remove_deletes() {
    let attempt = Attempt::prepare();
    let root = attempt.home().join("run");
    fs::write(root.join("stray"), "").expect("write a file");
    fs::create_dir_all(root.join("ses_x").join("not-a-number")).expect("make a directory");
    let found = convene_host::rundir::RunDir::scan(&root).expect("scan");
    assert_eq!(found, std::slice::from_ref(&attempt.run_dir));
    found.into_iter().for_each(|run_dir| run_dir.remove().expect("remove"));
    assert!(!root.join(attempt.run_dir.session()).exists());
    assert!(root.join("ses_x").exists(), "what is not ours stays");
    fs::create_dir_all(attempt.run_dir.path()).expect("the fixture looks here when it goes");
}

fn damaged_files_do_not_stop_a_burial() {
    let attempt = Attempt::launch(OnStop::GoInOrder);
    let cast = attempt.cast();
    kill_together(&[&cast.keeper, &cast.runner]);
    fs::write(attempt.run_dir.path().join("attempt.json"), "{").expect("damage");
    fs::write(attempt.run_dir.path().join("exit.json"), "").expect("damage");
    assert_eq!(attempt.finish().by, Recorder::Worker);
}

fn attempt_within_an_attempt_has_both_marks() {
    run_as("inner-attempt");
}

/// Marks are for ever, so a process of its own takes them.
pub fn inner_attempt_main() -> ExitCode {
    let me = std::process::id().cast_signed();
    for _ in 0..2 {
        assert_eq!(marker::mark_self("ses_outer", 1).expect("mark"), Hold::Limit);
        assert_eq!(marker::markers_of(me), [Marker::of("ses_outer", 1)]);
    }
    assert_eq!(marker::mark_self("ses_inner", 7).expect("mark"), Hold::Limit);
    assert_eq!(marker::markers_of(me), [Marker::of("ses_outer", 1), Marker::of("ses_inner", 7)]);
    assert_eq!(marker::marker_of(me), Some(Marker::of("ses_inner", 7)));
    let pids = |session, attempt| -> Vec<i32> {
        let marked = marker::marked_processes(session, attempt).expect("read the process table");
        marked.iter().map(|process| process.pid).collect()
    };
    assert_eq!(pids("ses_outer", 1), [me]);
    assert_eq!(pids("ses_inner", 7), [me]);
    ExitCode::SUCCESS
}

fn kept_child_survives_its_siblings() {
    run_as("spare-one");
}

/// Kills all of its children but one, so it needs to be a process of its own.
pub fn spare_one_main() -> ExitCode {
    let sleeper = || Command::new("/bin/sleep").arg("1000").current_dir("/").spawn().expect("start a child");
    let mut kept = sleeper();
    let others = [sleeper(), sleeper()];
    let pid = |child: &Child| child.id().cast_signed();
    let mut reaped = Vec::new();
    let patience = Duration::from_secs(10);
    let burial = process::kill_tree_until_none(&[pid(&kept)], patience, |pid, exit| reaped.push((pid, exit)));
    assert_eq!(burial.expect("kill"), Burial { reaped: 2, killed: 2, survivors: 0 });
    reaped.sort_by_key(|(pid, _)| *pid);
    assert_eq!(reaped, others.map(|child| (pid(&child), Exit::Signal(9))));
    assert!(kept.try_wait().expect("ask").is_none(), "the kept one lives");

    let burial = process::kill_tree_until_none(&[], patience, |_, _| {});
    assert_eq!(burial.expect("kill"), Burial { reaped: 1, killed: 1, survivors: 0 });
    ExitCode::SUCCESS
}

fn run_as(role: &str) {
    let output = Command::new("/proc/self/exe").arg(role).current_dir("/").output().expect("start the role");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
