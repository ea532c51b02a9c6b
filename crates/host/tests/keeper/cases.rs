//! The matrix: who is killed, who must have noticed, and what the record must say.

use std::process::Command;

use convene_host::death;
use convene_host::process::{Exit, Identity};
use convene_host::rundir::{EndReason, Recorder};
use libtest_mimic::Trial;
use rustix::process::Signal;

use crate::fixture::{Attempt, DEADLINE, kill, kill_together, wait_until};
use crate::runner::{OnStop, ended_after_agent};

const KILLED: Exit = Exit::Signal(9);

pub fn trials() -> Vec<Trial> {
    let test = |name: &str, body: fn()| {
        Trial::test(name, move || {
            body();
            Ok(())
        })
    };
    vec![
        test("kill_runner", kill_runner),
        test("kill_keeper", kill_keeper),
        test("kill_agent", kill_agent),
        test("kill_runner_then_keeper", kill_runner_then_keeper),
        test("kill_keeper_then_runner", kill_keeper_then_runner),
        test("kill_runner_and_keeper_together", kill_runner_and_keeper_together),
        test("kill_keeper_and_agent", kill_keeper_and_agent),
        test("kill_runner_and_agent", kill_runner_and_agent),
        test("kill_keeper_runner_and_agent", kill_keeper_runner_and_agent),
        test("kill_worker_then_keeper_and_runner", kill_worker_then_keeper_and_runner),
        test("kill_worker_and_the_attempt_goes_on", kill_worker_and_the_attempt_goes_on),
        test("stop_in_order", stop_in_order),
        test("stop_of_a_deaf_runner_is_forced", stop_of_a_deaf_runner_is_forced),
        test("frozen_runner_is_buried_when_the_keeper_dies", frozen_runner_is_buried_when_the_keeper_dies),
        test("removed_run_directory_ends_the_attempt", removed_run_directory_ends_the_attempt),
        test("replaced_run_directory_ends_the_attempt", replaced_run_directory_ends_the_attempt),
    ]
}

fn kill_runner() {
    let attempt = Attempt::launch(OnStop::GoInOrder);
    kill(&attempt.cast().runner);
    let record = attempt.finish();
    assert_eq!((record.by, record.reason), (Recorder::Keeper, EndReason::RunnerKilled));
    assert_eq!(record.runner, Some(KILLED));
    assert_eq!(record.agent, None, "nobody collected it, so nobody may invent it");
    let handed_over = attempt.run_dir.handed_over().expect("read the marker").expect("there is a marker");
    assert_eq!(handed_over.turn, "trn_1");
}

fn kill_keeper() {
    let attempt = Attempt::launch(OnStop::GoInOrder);
    let cast = attempt.cast();
    kill(&cast.keeper);
    let record = attempt.finish();
    assert_eq!((record.by, record.reason), (Recorder::Runner, EndReason::KeeperLost));
    assert_eq!(record.agent.map(|agent| (agent.pid, agent.exit)), Some((cast.agent.pid, KILLED)));
}

fn kill_agent() {
    let attempt = Attempt::launch(OnStop::GoInOrder);
    let cast = attempt.cast();
    kill(&cast.agent);
    let record = attempt.finish();
    assert_eq!((record.by, record.reason), (Recorder::Keeper, EndReason::RunnerExited));
    assert_eq!(record.runner, Some(ended_after_agent()));
    assert_eq!(record.agent.map(|agent| (agent.pid, agent.exit)), Some((cast.agent.pid, KILLED)));
}

/// Who is quicker decides who writes; what is written must be true in both cases.
fn kill_runner_then_keeper() {
    let attempt = Attempt::launch(OnStop::GoInOrder);
    let cast = attempt.cast();
    kill(&cast.runner);
    kill(&cast.keeper);
    let record = attempt.finish();
    match record.by {
        Recorder::Keeper => assert_eq!((record.reason, record.runner), (EndReason::RunnerKilled, Some(KILLED))),
        Recorder::Worker => assert_eq!((record.reason, record.runner), (EndReason::Abandoned, None)),
        Recorder::Runner => panic!("the runner was killed first: {record:?}"),
    }
}

fn kill_keeper_then_runner() {
    let attempt = Attempt::launch(OnStop::GoInOrder);
    let cast = attempt.cast();
    kill(&cast.keeper);
    kill(&cast.runner);
    let record = attempt.finish();
    match record.by {
        Recorder::Runner => assert_eq!(record.reason, EndReason::KeeperLost),
        Recorder::Worker => assert_eq!((record.reason, record.runner), (EndReason::Abandoned, None)),
        Recorder::Keeper => panic!("the keeper was killed first: {record:?}"),
    }
}

fn kill_runner_and_keeper_together() {
    let attempt = Attempt::launch(OnStop::GoInOrder);
    let cast = attempt.cast();
    kill_together(&[&cast.keeper, &cast.runner]);
    let record = attempt.finish();
    assert_eq!((record.by, record.reason), (Recorder::Worker, EndReason::Abandoned));
    assert_eq!(record.runner, None);
    assert_no_zombies(&attempt);
}

fn kill_keeper_and_agent() {
    let attempt = Attempt::launch(OnStop::GoInOrder);
    let cast = attempt.cast();
    kill_together(&[&cast.keeper, &cast.agent]);
    let record = attempt.finish();
    assert!(record.agent.is_some_and(|agent| agent.exit == KILLED), "the runner was there to collect it");
}

fn kill_runner_and_agent() {
    let attempt = Attempt::launch(OnStop::GoInOrder);
    let cast = attempt.cast();
    kill_together(&[&cast.runner, &cast.agent]);
    let record = attempt.finish();
    assert_eq!((record.by, record.runner), (Recorder::Keeper, Some(KILLED)));
}

fn kill_keeper_runner_and_agent() {
    let attempt = Attempt::launch(OnStop::GoInOrder);
    let cast = attempt.cast();
    kill_together(&[&cast.keeper, &cast.runner, &cast.agent]);
    let record = attempt.finish();
    assert_eq!((record.by, record.reason), (Recorder::Worker, EndReason::Abandoned));
    assert_no_zombies(&attempt);
}

fn kill_worker_then_keeper_and_runner() {
    let attempt = launch_from_another_worker();
    let cast = attempt.cast();
    kill_together(&[&cast.keeper, &cast.runner]);
    assert_eq!(attempt.finish().by, Recorder::Worker);
}

fn kill_worker_and_the_attempt_goes_on() {
    let attempt = launch_from_another_worker();
    let cast = attempt.cast();
    assert!(attempt.run_dir.is_alive().expect("ask the lock"));
    assert!(cast.runner.is_alive() && cast.agent.is_alive());
    let refused = death::bury(&attempt.run_dir).expect_err("nobody buries the living");
    assert!(matches!(refused, death::Error::Alive { .. }), "{refused:?}");
    assert!(cast.agent.is_alive());

    let handle = death::watch(&cast.keeper).expect("watch").expect("the keeper is there to be watched");
    cast.keeper.signal(Signal::TERM).expect("ask for the end");
    let mut fds = [rustix::event::PollFd::new(&handle, rustix::event::PollFlags::IN)];
    rustix::event::poll(&mut fds, None).expect("wait for the keeper's end");
    assert_eq!(attempt.finish().reason, EndReason::Stopped);
}

fn stop_in_order() {
    let attempt = Attempt::launch(OnStop::GoInOrder);
    let cast = attempt.cast();
    // The keeper hears nothing else.
    for signal in [Signal::HUP, Signal::INT, Signal::QUIT, Signal::USR1, Signal::USR2, Signal::PIPE] {
        cast.keeper.signal(signal).expect("send a signal");
    }
    cast.keeper.signal(Signal::TERM).expect("ask for the end");
    let record = attempt.finish();
    assert_eq!((record.by, record.reason), (Recorder::Keeper, EndReason::Stopped));
    assert_eq!(record.runner, Some(Exit::Code(0)));
    assert_eq!(record.agent.map(|agent| agent.exit), Some(KILLED));
}

fn stop_of_a_deaf_runner_is_forced() {
    let attempt = Attempt::launch(OnStop::StayDeaf);
    attempt.cast().keeper.signal(Signal::TERM).expect("ask for the end");
    let record = attempt.finish();
    assert_eq!((record.reason, record.runner), (EndReason::StopForced, Some(KILLED)));
}

fn frozen_runner_is_buried_when_the_keeper_dies() {
    let attempt = Attempt::launch(OnStop::GoInOrder);
    let cast = attempt.cast();
    cast.runner.signal(Signal::STOP).expect("freeze the runner");
    kill(&cast.keeper);
    assert_eq!(attempt.finish().by, Recorder::Worker);
}

/// Also with a runner that does not hear: nobody could find this tree any more.
fn removed_run_directory_ends_the_attempt() {
    for on_stop in [OnStop::GoInOrder, OnStop::StayDeaf] {
        let attempt = Attempt::launch(on_stop);
        let keeper = attempt.cast().keeper;
        std::fs::remove_dir_all(attempt.run_dir.path()).expect("remove the run directory");
        assert!(keeper.wait_for_end(DEADLINE).expect("wait for the keeper"), "the keeper lives");
        attempt.assert_nothing_left();
        keeper.reap();
        // The worker tells what is true, makes nothing anew, and comes to the same again.
        for _ in 0..2 {
            let record = death::bury(&attempt.run_dir).expect("bury");
            assert_eq!((record.by, record.reason), (Recorder::Worker, EndReason::RunDirLost));
            assert!(record.verified && record.runner.is_none() && record.agent.is_none(), "{record:?}");
            assert!(attempt.run_dir.is_gone(), "it was made anew");
        }
    }
}

/// A copy of it under its name is another one, which is left as it is.
fn replaced_run_directory_ends_the_attempt() {
    let attempt = Attempt::launch(OnStop::GoInOrder);
    let keeper = attempt.cast().keeper;
    let moved = attempt.run_dir.path().with_file_name("moved");
    std::fs::rename(attempt.run_dir.path(), &moved).expect("move the run directory");
    std::fs::create_dir(attempt.run_dir.path()).expect("make another one");
    assert!(keeper.wait_for_end(DEADLINE).expect("wait for the keeper"), "the keeper lives");
    attempt.assert_nothing_left();
    keeper.reap();
    let log = std::fs::read_to_string(moved.join("stderr")).expect("a log");
    assert!(log.contains("was removed"), "it says {log}");
    let others = std::fs::read_dir(attempt.run_dir.path()).expect("list").count();
    assert_eq!(others, 0, "something was written into what is not its directory");
}

/// Another process is the worker, and is dead when this returns.
fn launch_from_another_worker() -> Attempt {
    let attempt = Attempt::prepare();
    let mut worker = Command::new("/proc/self/exe")
        .arg("worker")
        .args([attempt.run_dir.path(), attempt.diary()])
        .current_dir("/")
        .spawn()
        .expect("start a worker");
    attempt.wait_until_up();
    worker.kill().expect("kill the worker");
    worker.wait().expect("reap the worker");
    attempt
}

/// What this process inherited as a subreaper was reaped as well.
fn assert_no_zombies(attempt: &Attempt) {
    let is_zombie = |identity: &Identity| {
        convene_host::process::read(identity.pid).is_some_and(|process| process.start_time == identity.start_time)
    };
    wait_until("no zombies", || !attempt.tree().iter().any(|(_, identity)| is_zombie(identity)));
}
