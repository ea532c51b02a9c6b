//! One attempt of a test: launched by the test as its worker, ended by whatever it kills, checked for remains when dropped.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use convene_host::process::{Identity, Process};
use convene_host::rundir::{AttemptRecord, ExitRecord, RunDir};
use convene_host::{death, marker};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::agent;
use crate::runner::{Config, HASTY, OnStop};

pub const TOKEN: &str = "tok_never_seen_in_argv_or_env";
pub const DEADLINE: Duration = Duration::from_secs(20);

pub struct Attempt {
    pub run_dir: RunDir,
    /// As `launch` gave it; absent for an attempt that another worker launched.
    pub launched: Option<Identity>,
    diary: PathBuf,
    home: TempDir,
}

pub struct Cast {
    pub keeper: Identity,
    pub runner: Identity,
    pub agent: Identity,
}

impl Attempt {
    /// Launches an attempt and waits until its whole tree is up.
    pub fn launch(on_stop: OnStop) -> Attempt {
        let mut attempt = match on_stop {
            OnStop::GoInOrder => Attempt::prepare(),
            OnStop::StayDeaf => Attempt::prepare_for(HASTY),
        };
        attempt.start(on_stop);
        attempt
    }

    pub fn prepare() -> Attempt {
        Attempt::prepare_for("wrk_patient")
    }

    fn prepare_for(worker: &str) -> Attempt {
        let home = TempDir::with_prefix("convene-keeper-").expect("make a directory");
        let session = format!("ses_{}", uuid::Uuid::now_v7());
        let record = AttemptRecord {
            session,
            attempt: 1,
            worker: worker.to_owned(),
            agent: "fake".to_owned(),
            instance: "i1".to_owned(),
            ..AttemptRecord::default()
        };
        let run_dir = RunDir::create(&home.path().join("run"), &record).expect("make the run directory");
        let diary = home.path().join("diary");
        Attempt { run_dir, launched: None, diary, home }
    }

    pub fn start(&mut self, on_stop: OnStop) {
        self.launched = Some(launch(&self.run_dir, &self.diary, on_stop));
        self.wait_until_up();
    }

    pub fn wait_until_up(&self) {
        self.wait_until("the tree is up", || self.tree().len() >= agent::TREE);
    }

    pub fn diary(&self) -> &Path {
        &self.diary
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    pub fn cast(&self) -> Cast {
        let record = self.run_dir.attempt_record().expect("read attempt.json").expect("there is an attempt.json");
        let agent = self.tree().into_iter().find(|(kind, _)| kind == "agent").expect("the agent wrote itself down").1;
        Cast {
            keeper: record.keeper.expect("the keeper is recorded"),
            runner: record.runner.expect("the runner is recorded"),
            agent,
        }
    }

    /// Everybody who wrote into the diary.
    pub fn tree(&self) -> Vec<(String, Identity)> {
        let diary = fs::read_to_string(&self.diary).unwrap_or_default();
        let entry = |line: &str| {
            let (kind, identity) = line.split_once(' ')?;
            Some((kind.to_owned(), serde_json::from_str(identity).ok()?))
        };
        diary.lines().filter_map(entry).collect()
    }

    pub fn marked(&self) -> Vec<Process> {
        marker::marked_processes(self.run_dir.session(), self.run_dir.attempt()).expect("read the process table")
    }

    /// What a worker does: wait for the keeper's end, reap it, read or write the record. Then nothing may be left.
    pub fn finish(&self) -> ExitRecord {
        let keeper = self.launched.clone().unwrap_or_else(|| self.cast().keeper);
        assert!(keeper.wait_for_end(DEADLINE).expect("wait for the keeper"), "the keeper still lives");
        keeper.reap();
        let record = death::bury(&self.run_dir).unwrap_or_else(|error| panic!("{error:?}\n{}", self.log()));
        self.assert_nothing_left();
        assert!(!self.run_dir.is_alive().expect("ask the lock"), "the lock is held");
        assert_eq!(self.run_dir.exit_record().expect("read exit.json").as_ref(), Some(&record));
        assert!(record.verified, "{record:?}");
        assert_eq!(record.survivors, 0);
        record
    }

    pub fn assert_nothing_left(&self) {
        // What forks and ends all the time is not met in every look.
        let marked: Vec<Process> = (0..5).flat_map(|_| self.marked()).collect();
        assert!(marked.is_empty(), "marked processes are left: {:#?}\n{}", described(&marked), self.log());
        let left: Vec<_> = self.tree().into_iter().filter(|(_, identity)| identity.is_alive()).collect();
        assert!(left.is_empty(), "processes are left: {left:#?}\n{}", self.log());
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.run_dir.stderr_path()).unwrap_or_default()
    }

    pub fn wait_until(&self, what: &str, condition: impl FnMut() -> bool) {
        wait_until(&format!("{what}\n{}", self.log()), condition);
    }
}

impl Drop for Attempt {
    /// A failed test must not leave its tree behind either.
    fn drop(&mut self) {
        let _ = self.launched.as_ref().map(|keeper| keeper.signal(Signal::KILL));
        if let Ok(Some(record)) = self.run_dir.attempt_record() {
            let _ = record.keeper.map(|keeper| keeper.signal(Signal::KILL));
        }
        let _ = death::bury(&self.run_dir);
    }
}

pub fn launch(run_dir: &RunDir, diary: &Path, on_stop: OnStop) -> Identity {
    let diary = diary.to_str().expect("a UTF-8 path").to_owned();
    let config = serde_json::to_vec(&Config { token: TOKEN.to_owned(), diary, on_stop }).expect("plain data");
    death::launch(run_dir, Path::new("/proc/self/exe"), &config).expect("launch")
}

/// A worker that launches one attempt and then does nothing any more.
pub fn worker_main(dir: &str, diary: &str) -> ExitCode {
    death::become_subreaper().expect("become a subreaper");
    launch(&RunDir::open(Path::new(dir)).expect("a run directory"), Path::new(diary), OnStop::GoInOrder);
    loop {
        std::thread::park();
    }
}

pub fn kill(who: &Identity) {
    who.signal(Signal::KILL).expect("kill");
}

/// Kills several at once: none of them can react to the end of another.
pub fn kill_together(all: &[&Identity]) {
    for who in all {
        who.signal(Signal::STOP).expect("stop");
    }
    for who in all {
        kill(who);
    }
}

pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let since = Instant::now();
    while !condition() {
        assert!(since.elapsed() < DEADLINE, "timed out: {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

fn described(processes: &[Process]) -> Vec<String> {
    let describe = |process: &Process| {
        let arguments = fs::read(format!("/proc/{}/cmdline", process.pid)).unwrap_or_default();
        format!("{process:?} {}", String::from_utf8_lossy(&arguments).replace('\0', " "))
    };
    processes.iter().map(describe).collect()
}
