//! Tries an agent: starts it, says hello, opens a session in an empty directory, prompts it if that is wanted, and ends
//! it again.
//!
//! The test is an attempt like any other, with keeper and runner, so that an agent gets the same environment, the same
//! patience, the same burial and the same words about what is wrong as in a session. Only its server is another: a
//! socket in a directory of its own, at which [`dialog`] takes what the runner reports. A worker that
//! dies in a test leaves a run directory, which the next one buries as it does all others.

mod dialog;
mod report;

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use convene_api::body::AgentTest;
use convene_core::{
    event::StopMode,
    failure::{Failure, FailureKind},
    ids::{InstanceId, SessionId, ThreadId, TurnId},
};
use tokio::{net::UnixListener, task::spawn_blocking, time::Instant};

use crate::{
    death,
    detect::{self, Agents},
    keeper::now,
    launch_spec::{LaunchSpec, RunnerConfig, ServerAddr, TreeMax, default_spool_max},
    process::Identity,
    rundir::{AttemptRecord, RunDir},
};
use dialog::Dialog;
use report::Report;

/// What a test needs of the worker.
pub(crate) struct Setup<'a> {
    /// The agents of this machine, and the program that runners are started from.
    pub(crate) agents: &'a Agents,
    /// The worker's name.
    pub(crate) worker: &'a str,
    /// Where the run directories are.
    pub(crate) run_root: &'a Path,
    /// How long the agent may take to answer `initialize`, and then to open its session, in milliseconds.
    pub(crate) start_timeout_ms: u64,
    /// The longest line that is taken from it, in bytes.
    pub(crate) line_max: usize,
    /// Whether the agent gets a small prompt, too.
    pub(crate) prompt: bool,
}

/// Why there was no test.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// There is nothing that could be tested.
    #[error(transparent)]
    Agent(detect::Error),
    /// The machine refused what a test needs.
    #[error("cannot {action}")]
    System {
        /// What was tried.
        action: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// From the end of the agent's patience to the end of ours: the runner has its own clocks, and this one is for the case
/// that it does not keep them.
const MARGIN: Duration = Duration::from_secs(30);
/// How long the answer to a prompt of a few words may take, once it can be given.
const ANSWERING: Duration = Duration::from_secs(60);
/// How long an attempt may take to end when it was asked to.
const ENDING: Duration = Duration::from_secs(20);
/// Between two tries to bury it, when somebody holds its lock.
const AGAIN: Duration = Duration::from_millis(100);

/// Tests an agent. Dropped, it has the agent killed.
///
/// # Errors
/// If nobody knows the agent, or the machine refuses. An agent that does not work is no error but the test's result.
pub(crate) async fn test(setup: Setup<'_>, agent: &str) -> Result<AgentTest, Error> {
    let (agents, name) = (setup.agents.clone(), agent.to_owned());
    let launch = spawn_blocking(move || agents.launch_spec(&name)).await.map_err(system("look for the agent"))?;
    let launch = match launch {
        Ok(launch) => launch,
        Err(error @ detect::Error::Unknown { .. }) => return Err(Error::Agent(error)),
        Err(error) => return Ok(not_started(&setup, agent, &error)),
    };
    let timeout_ms = launch.start_timeout_ms(setup.start_timeout_ms);
    let mut report = Report::new(agent, setup.worker, &launch, setup.prompt);
    let place = Place::make().map_err(system("make a directory for the test"))?;
    let listener = UnixListener::bind(place.socket()).map_err(system("open a socket for the test"))?;
    let attempt = begin(&setup, launch, &place, timeout_ms).await?;

    let prompt = setup.prompt.then(|| TurnId::new(uuid::Uuid::now_v7()));
    let dialog = Dialog::new(attempt.session, attempt.thread, agent, &place.cwd(), prompt);
    let answering = if setup.prompt { ANSWERING } else { Duration::ZERO };
    let until = Instant::now() + Duration::from_millis(timeout_ms.saturating_mul(2)) + MARGIN + answering;
    let heard = dialog.hear(&listener, &mut report, attempt.end(), until).await;
    if heard.is_still_there() {
        attempt.ask_to_end(heard.how());
        // What it says while it ends is still of interest: its exit, its stderr.
        let until = Instant::now() + ENDING;
        let heard = dialog.hear_the_rest(&listener, &mut report, attempt.end(), until).await;
        if heard.is_still_there() {
            attempt.ask_to_end(StopMode::Now);
        }
    }
    let verified = attempt.bury().await?;
    if !verified {
        report.not_all_dead();
    }
    Ok(report.finish(now()))
}

/// The result for an agent that was not even started.
fn not_started(setup: &Setup<'_>, agent: &str, error: &detect::Error) -> AgentTest {
    let found = setup.agents.detect().into_iter().find(|found| found.name == agent);
    let fix = found.and_then(|found| found.findings.into_iter().next()).map(|finding| finding.fix);
    let failure = Failure::new(FailureKind::StartupFailure, error.to_string()).code(error.code().as_str());
    AgentTest {
        agent: agent.to_owned(),
        worker: setup.worker.to_owned(),
        ok: false,
        argv: Vec::new(),
        initialize_ms: None,
        session_ms: None,
        answer: None,
        answer_ms: None,
        announced: None,
        failure: Some(match fix {
            Some(fix) => failure.hint(fix),
            None => failure,
        }),
        stderr: String::new(),
    }
}

async fn begin(setup: &Setup<'_>, agent: LaunchSpec, place: &Place, start_timeout_ms: u64) -> Result<Attempt, Error> {
    let id = uuid::Uuid::now_v7();
    let (session, thread) = (SessionId::new(id), ThreadId::new(id));
    let runner = RunnerConfig {
        server: ServerAddr::Unix(place.socket()),
        token: uuid::Uuid::now_v7().to_string(),
        session,
        thread,
        attempt: 1,
        agent,
        workspace: None,
        start_timeout_ms,
        // Nobody is there to sign in.
        sign_in_timeout_ms: 0,
        line_max: setup.line_max,
        spool_max: default_spool_max(),
        tree_max: TreeMax::default(),
    };
    let record = AttemptRecord {
        session: session.to_string(),
        attempt: 1,
        worker: setup.worker.to_owned(),
        agent: runner.agent.name.clone(),
        is_test: true,
        instance: InstanceId::new(uuid::Uuid::now_v7()).to_string(),
        ..AttemptRecord::default()
    };
    let (exe, run_root) = (setup.agents.exe.clone(), setup.run_root.to_owned());
    let launched = spawn_blocking(move || {
        let json = serde_json::to_vec(&runner).map_err(system("write the runner's configuration"))?;
        let run_dir = RunDir::create(&run_root, &record).map_err(system("make a run directory"))?;
        match death::launch(&run_dir, &exe, &json) {
            Ok(keeper) => Ok(Attempt { session, thread, keeper, run_dir: Some(run_dir) }),
            Err(error) => {
                let _ = run_dir.remove();
                Err(system("start the runner")(error))
            }
        }
    });
    launched.await.map_err(system("start the runner"))?
}

/// A running test.
struct Attempt {
    session: SessionId,
    thread: ThreadId,
    keeper: Identity,
    /// Until it is buried.
    run_dir: Option<RunDir>,
}

impl Attempt {
    /// Waits until the keeper has ended. May be dropped and called again.
    fn end(&self) -> impl Future<Output = ()> + use<> {
        let keeper = self.keeper.clone();
        async move {
            // A look now and then, because what watches keepers at once belongs to the worker's own attempts.
            while keeper.is_alive() {
                tokio::time::sleep(AGAIN).await;
            }
        }
    }

    fn ask_to_end(&self, mode: StopMode) {
        if let Some(run_dir) = &self.run_dir {
            crate::worker::ask_to_end(run_dir, mode);
        }
    }

    /// Sees to it that nothing is left of it, and says whether that is proved.
    async fn bury(mut self) -> Result<bool, Error> {
        let Some(run_dir) = self.run_dir.take() else { return Ok(false) };
        let keeper = self.keeper.clone();
        let until = Instant::now() + ENDING;
        loop {
            let (run_dir, keeper) = (run_dir.clone(), keeper.clone());
            let buried = spawn_blocking(move || {
                keeper.wait_for_end(ENDING)?;
                keeper.reap();
                let record = death::bury(&run_dir)?;
                let _ = run_dir.remove();
                Ok::<_, death::Error>(record.verified)
            });
            match buried.await.map_err(system("bury the test"))? {
                Ok(verified) => return Ok(verified),
                Err(death::Error::Alive { .. } | death::Error::Busy { .. }) if Instant::now() < until => {
                    tokio::time::sleep(AGAIN).await;
                }
                Err(error) => return Err(system("bury the test")(error)),
            }
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        // Nobody wants its result any more; the run directory is the next worker's.
        self.ask_to_end(StopMode::Now);
    }
}

/// A directory of the test's own, with an empty one for the agent in it. Removed with this.
struct Place(PathBuf);

impl Place {
    fn make() -> io::Result<Self> {
        let mut bytes = [0; 6];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        let name: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        // Links resolved, because some agents tell apart what they are told from what they find.
        let temporary = std::env::temp_dir();
        let path = temporary.canonicalize().unwrap_or(temporary).join(format!("convene-test-{name}"));
        DirBuilder::new().mode(0o700).create(&path)?;
        let place = Self(path);
        DirBuilder::new().mode(0o700).create(place.cwd())?;
        Ok(place)
    }

    fn cwd(&self) -> PathBuf {
        self.0.join("empty")
    }

    fn socket(&self) -> PathBuf {
        self.0.join("s")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(path = %self.0.display(), %error, "cannot remove the directory of a test");
        }
    }
}

fn system<E: std::error::Error + Send + Sync + 'static>(action: &'static str) -> impl Fn(E) -> Error {
    move |error| Error::System { action, source: Box::new(error) }
}
