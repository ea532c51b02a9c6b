//! A runner of the simplest kind: one agent, no protocol, the real signals on a real runtime.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use convene_host::keeper::{CgroupUse, KeeperOptions, PARENT_DEATH, RunnerSide, keeper_main};
use convene_host::marker;
use convene_host::process::{Exit, Identity};
use convene_host::rundir::RunDir;
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    pub token: String,
    pub diary: String,
    pub on_stop: OnStop,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnStop {
    GoInOrder,
    StayDeaf,
}

/// The worker whose keepers have little patience.
pub const HASTY: &str = "wrk_hasty";

/// What the runner ends with after its agent did.
pub const AGENT_ENDED: u8 = 3;

pub fn main(dir: &str) -> ExitCode {
    let record = RunDir::open(Path::new(dir)).and_then(|run_dir| run_dir.attempt_record());
    let is_hasty = record.is_ok_and(|record| record.is_some_and(|record| record.worker == HASTY));
    let options = KeeperOptions {
        stop_patience: Duration::from_secs(if is_hasty { 1 } else { 15 }),
        burial_patience: Duration::from_secs(10),
        cgroup: CgroupUse::WherePossible,
    };
    let side = match keeper_main(Path::new(dir), &options) {
        Ok(side) => side,
        Err(error) => {
            eprintln!("no keeper: {error}");
            return ExitCode::from(70);
        }
    };
    let config: Config = serde_json::from_slice(&side.take_config().expect("read the configuration"))
        .expect("the configuration is what the test wrote");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("start a runtime");
    runtime.block_on(run(&side, &config))
}

async fn run(side: &RunnerSide, config: &Config) -> ExitCode {
    let mut keeper_died = signal(SignalKind::from_raw(PARENT_DEATH.as_raw())).expect("listen to signals");
    let mut stop = signal(SignalKind::terminate()).expect("listen to signals");
    let mut child_ended = signal(SignalKind::child()).expect("listen to signals");

    side.write_handed_over("trn_1").expect("write the marker");
    let agent = start_agent(side, config);
    loop {
        tokio::select! {
            _ = keeper_died.recv() => side.reap_and_go(Some(agent.pid)),
            _ = stop.recv() => {
                if config.on_stop == OnStop::GoInOrder {
                    side.kill_tree(Some(agent.pid)).expect("kill the tree");
                    return ExitCode::SUCCESS;
                }
            }
            _ = child_ended.recv() => {
                if let Some(exit) = agent.reap() {
                    side.write_agent_exit(agent.pid, exit, None).expect("write the agent's exit");
                    side.kill_tree(None).expect("kill the tree");
                    return ExitCode::from(AGENT_ENDED);
                }
            }
        }
    }
}

fn start_agent(side: &RunnerSide, config: &Config) -> Identity {
    let mut command = Command::new(std::env::current_exe().expect("own path"));
    command.arg("agent").arg(&config.diary).current_dir("/").process_group(0);
    command.envs(marker::environment(side.run_dir().session(), side.run_dir().attempt()));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    #[expect(clippy::zombie_processes, reason = "reaped by identity when SIGCHLD comes")]
    let agent = command.spawn().expect("start the agent");
    Identity::of(agent.id().cast_signed()).expect("an unreaped child has an identity")
}

/// For the test: an exit of the runner with its own code.
pub fn ended_after_agent() -> Exit {
    Exit::Code(AGENT_ENDED.into())
}
