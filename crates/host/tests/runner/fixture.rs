//! One attempt: a run directory, a server, a keeper with its runner, and the scripted agent. Ends everything with itself.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use convene_core::{
    content::ContentBlock,
    directive::{Directive, Order},
    event::StopMode,
    ids::{InstanceId, SessionId, ThreadId, TurnId},
    spec::SessionSpec,
};
use convene_host::{
    death,
    launch_spec::{LaunchSpec, RunnerConfig, ServerAddr, TreeMax},
    marker,
    process::Identity,
    rundir::{AttemptRecord, ExitRecord, RunDir},
};
use rustix::process::Signal;
use serde_json::json;
use tempfile::TempDir;

use crate::server::Server;

pub struct Attempt {
    pub server: Server,
    pub run_dir: RunDir,
    pub keeper: Identity,
    pub cwd: PathBuf,
    _dir: TempDir,
}

/// What is not as usual.
#[derive(Default)]
pub struct With {
    pub flags: Vec<String>,
    pub command: Option<Vec<String>>,
    /// What a shell does before it becomes the agent.
    pub before: Option<String>,
    pub env: Vec<(String, String)>,
    pub prompt: Option<String>,
    pub spec: serde_json::Value,
    pub agent_session_id: Option<String>,
    pub fork_of: Option<String>,
    pub recap: Option<String>,
    pub recap_due: bool,
    pub line_max: Option<usize>,
    pub spool_max: Option<u64>,
    pub tree_max: TreeMax,
    pub start_timeout_ms: Option<u64>,
    pub sign_in_timeout_ms: Option<u64>,
    pub fenced: bool,
    pub ack_delay: Duration,
    pub system_prompt: Option<String>,
}

pub fn with_flags(flags: &[&str]) -> With {
    With { flags: flags.iter().map(|&flag| flag.to_owned()).collect(), ..With::default() }
}

pub fn with_prompt(prompt: &str) -> With {
    With { prompt: Some(prompt.to_owned()), ..With::default() }
}

pub const TURN: u128 = 0x7101;

pub fn turn(number: u128) -> TurnId {
    TurnId::new(uuid::Uuid::from_u128(number))
}

pub fn prompt(turn: TurnId, text: &str, system_prompt: Option<String>) -> Order {
    Order::Prompt { turn, content: Arc::new(vec![ContentBlock::text(text)]), system_prompt }
}

impl Attempt {
    pub fn start(with: With) -> Attempt {
        let dir = tempfile::tempdir().unwrap();
        let cwd = dir.path().canonicalize().unwrap().join("project");
        std::fs::create_dir(&cwd).unwrap();
        let session = SessionId::new(uuid::Uuid::now_v7());
        let mut spec = json!({"agent": "fake", "cwd": cwd});
        for (name, value) in with.spec.as_object().into_iter().flatten() {
            spec[name] = value.clone();
        }
        let spec: SessionSpec = serde_json::from_value(spec).unwrap();
        let directives = with
            .prompt
            .as_ref()
            .map(|text| Directive { seq: 3, order: prompt(turn(TURN), text, with.system_prompt.clone()) });
        let server = Server::start(dir.path(), spec, directives.into_iter().collect());
        {
            let mut state = server.state.lock().unwrap();
            state.fence = with.fenced;
            state.agent_session_id = with.agent_session_id;
            (state.fork_of, state.recap, state.recap_due) = (with.fork_of, with.recap, with.recap_due);
            state.ack_delay = with.ack_delay;
        }
        let record = AttemptRecord {
            session: session.to_string(),
            attempt: 1,
            worker: "here".to_owned(),
            agent: "fake".to_owned(),
            instance: InstanceId::new(uuid::Uuid::now_v7()).to_string(),
            ..AttemptRecord::default()
        };
        let run_dir = RunDir::create(&dir.path().join("run"), &record).unwrap();
        let command = with.command.unwrap_or_else(|| {
            let receipts = dir.path().join("receipts").display().to_string();
            let mut command = vec![fake_agent().display().to_string(), "--receipts".to_owned(), receipts];
            command.extend(with.flags);
            match with.before {
                Some(before) => {
                    let script = format!("{before}\nexec \"$0\" \"$@\"");
                    ["sh".to_owned(), "-c".to_owned(), script].into_iter().chain(command).collect()
                }
                None => command,
            }
        });
        let agent = LaunchSpec {
            name: "fake".to_owned(),
            title: "Fake".to_owned(),
            command,
            env: with.env,
            sign_in: "run `fake login`".to_owned(),
            ..LaunchSpec::default()
        };
        let mut config = serde_json::to_value(RunnerConfig {
            server: ServerAddr::Unix(server.path.clone()),
            token: "the-attempts-own-token".to_owned(),
            session,
            thread: ThreadId::new(session.uuid()),
            attempt: 1,
            agent,
            workspace: None,
            start_timeout_ms: with.start_timeout_ms.unwrap_or(30_000),
            sign_in_timeout_ms: with.sign_in_timeout_ms.unwrap_or(30_000),
            line_max: 0,
            spool_max: 0,
            tree_max: with.tree_max,
        })
        .unwrap();
        let fields = config.as_object_mut().unwrap();
        match with.spool_max {
            Some(max) => fields.insert("spool_max".to_owned(), max.into()),
            None => fields.remove("spool_max"),
        };
        match with.line_max {
            Some(max) => fields.insert("line_max".to_owned(), max.into()),
            None => fields.remove("line_max"),
        };
        let exe = std::env::current_exe().unwrap();
        let keeper = death::launch(&run_dir, &exe, &serde_json::to_vec(&config).unwrap()).unwrap();
        Attempt { server, run_dir, keeper, cwd, _dir: dir }
    }

    pub fn receipts(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.cwd.parent().unwrap().join("receipts")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    pub fn prompt(&self, number: u128, text: &str) -> TurnId {
        let id = turn(number);
        self.server.order(prompt(id, text, None));
        id
    }

    pub fn stop(&self, mode: StopMode) {
        self.server.order(Order::Stop { mode });
    }

    /// Waits for the end of keeper and tree, and returns the exit record.
    pub async fn ended(&self) -> ExitRecord {
        let keeper = self.keeper.clone();
        let ended = tokio::task::spawn_blocking(move || keeper.wait_for_end(Duration::from_secs(40)).unwrap());
        assert!(ended.await.unwrap(), "the attempt did not end; {}", self.log());
        self.keeper.reap();
        self.run_dir.exit_record().unwrap().unwrap_or_else(|| panic!("no exit record; {}", self.log()))
    }

    /// Stops the attempt in order and checks that nothing is left.
    pub async fn finish(&self) {
        self.stop(StopMode::Graceful);
        let exit = self.ended().await;
        assert!(exit.verified, "{exit:?}");
        self.server.event("agent_exited").await;
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.run_dir.stderr_path()).unwrap_or_default()
    }

    /// The most memory that the runner has had, in MiB.
    pub fn memory_peak(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.runner().pid)).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
    }

    pub fn runner(&self) -> Identity {
        self.run_dir.attempt_record().unwrap().unwrap().runner.unwrap()
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if self.keeper.is_alive() {
            let _ = self.keeper.signal(Signal::KILL);
            let _ = self.keeper.wait_for_end(Duration::from_secs(5));
        }
        self.keeper.reap();
        let _ = death::bury(&self.run_dir);
        if !std::thread::panicking() {
            let left = marker::marked_processes(self.run_dir.session(), self.run_dir.attempt()).unwrap();
            assert!(left.is_empty(), "left behind: {left:?}");
        }
    }
}

/// The scripted agent's binary, made if it is not there.
fn fake_agent() -> PathBuf {
    static ONCE: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    let found = ONCE.get_or_init(|| {
        let exe = std::env::current_exe().unwrap();
        let profile = exe.ancestors().find(|dir| dir.ends_with("deps")).and_then(Path::parent).unwrap();
        let path = profile.join("fake-agent");
        if !path.exists() {
            let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
            let mut build = std::process::Command::new(cargo);
            build.args(["build", "-q", "-p", "convene-testkit", "--bin", "fake-agent"]);
            build.current_dir(env!("CARGO_MANIFEST_DIR"));
            assert!(build.status().unwrap().success(), "the scripted agent could not be built");
        }
        path
    });
    found.clone()
}
