//! Stop stops: whatever an agent ignores, however its children have left it, and whoever dies or stands still meanwhile.
//!
//! The agent is deaf to a cancel, to the end of its input and to SIGTERM, and has left five daemons behind: in its process
//! group, in a session of their own, by a double fork, with an emptied environment, and by `nohup … &` of a shell that is
//! gone, with every descriptor closed.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use convene_api::{
    body::StopSession,
    client::{CommandKey, SessionEvent},
};
use convene_core::{
    event::{EventBody, KnownEvent, StopMode},
    failure::{AttemptExit, StopCause, StopReason, StopStep},
    ids::SessionId,
};
use convene_host::ladder;
use convene_testkit::cluster::{Builder, Cluster, Role, Topic, Tree, freeze};
use futures_util::future::join_all;

/// What a busy machine, the commits and the command itself may take beside the ladder.
const SLACK: Duration = Duration::from_secs(10);

/// How long a stop that leaves no time may take, also where the runner stands still and its worker has to be told.
const AT_ONCE: Duration = Duration::from_secs(3);

fn cluster() -> Builder {
    Cluster::of(env!("CARGO_BIN_EXE_convene")).fake(&["--ignore-sigterm", "--ignore-eof"])
}

/// A session that will not end by itself.
struct Deaf {
    id: SessionId,
    tree: Tree,
    daemons: Vec<i32>,
}

impl Deaf {
    async fn start(cluster: &Cluster) -> Result<Self> {
        let created = cluster.create("DAEMON\nNOHUP\nHANG").await?;
        let id = created.session.id;
        let events = cluster.record(Topic::Session(id), created.cursor.seq)?;
        // The fifth daemon is said by itself.
        events.wait("five daemons live", |seen| pids(&seen.text).len() == 5).await?;
        let daemons = pids(&events.seen().text);
        let tree = cluster.tree(id).await?;
        for pid in daemons.iter().chain([&tree.agent, &tree.runner, &tree.keeper]) {
            ensure!(lives(*pid), "{pid} of {daemons:?} and {tree:?} does not live");
        }
        Ok(Self { id, tree, daemons })
    }

    fn is_dead(&self) -> Result<()> {
        for pid in self.daemons.iter().chain([&self.tree.agent, &self.tree.runner, &self.tree.keeper]) {
            ensure!(!lives(*pid), "{pid} of {:?} and {:?} lives", self.daemons, self.tree);
        }
        Ok(())
    }
}

fn pids(said: &str) -> Vec<i32> {
    let words = said.split_whitespace().flat_map(|word| word.split("daemons"));
    words.filter_map(|word| word.parse().ok()).collect()
}

/// Whether there is such a process that is more than a zombie.
fn lives(pid: i32) -> bool {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).unwrap_or_default();
    let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next());
    state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

/// Runs a command to its end beside everything else.
async fn run(cluster: &Cluster, args: &[&str]) -> Result<String> {
    let mut command = cluster.command(args);
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said)?;
    ensure!(output.status.success(), "{args:?} ended with {}: {said}", output.status);
    Ok(said)
}

/// What the log says of the end.
async fn told(cluster: &Cluster, id: SessionId) -> Result<(Option<StopStep>, AttemptExit)> {
    let log = cluster.log(id).await?;
    let known = |event: &SessionEvent| match &event.data.body {
        EventBody::Known(known) => Some(known.clone()),
        EventBody::Unknown(_) => None,
    };
    let mut step = None;
    let mut exit = None;
    for event in log.events.iter().filter_map(known) {
        match event {
            KnownEvent::SessionStopped { step: told, verified, .. } => {
                ensure!(verified, "the event does not say that it is proved");
                step = told;
            }
            KnownEvent::AttemptEnded { exit: told, .. } => exit = Some(told),
            _ => {}
        }
    }
    ensure!(log.count("session_stopped") == 1, "it stopped {} times", log.count("session_stopped"));
    Ok((step, exit.context("no attempt has ended")?))
}

/// Begins a stop that leaves all of the time that there is. What is hurried is over before it, however slow the machine.
async fn begin_patient_stop(cluster: &Cluster, deaf: &Deaf) -> Result<()> {
    cluster.client()?.stop(deaf.id, &StopSession::default(), &CommandKey::fresh()).await?;
    Ok(())
}

/// A session was stopped well before another one, whose stop was patient and was ordered before.
async fn was_hurried(cluster: &Cluster, hurried: SessionId, patient: &Deaf) -> Result<()> {
    cluster.wait_session(patient.id, "the patient one is stopped", |s| s.state == "stopped").await?;
    let stopped = async |id| -> Result<_> {
        Ok(cluster.log(id).await?.first("session_stopped").context("it is not stopped")?.at.as_millisecond())
    };
    let before = stopped(patient.id).await? - stopped(hurried).await?;
    ensure!(before >= 1000, "it was stopped {before} ms before one that was not hurried");
    Ok(())
}

#[tokio::test]
async fn a_deaf_agent_and_its_daemons_are_dead_within_the_budget_of_the_ladder() -> Result<()> {
    let cluster = cluster().start().await?;
    let deaf = Deaf::start(&cluster).await?;
    let id = deaf.id.to_string();
    let began = Instant::now();
    let said = run(&cluster, &["stop", &id]).await?;
    let took = began.elapsed();
    deaf.is_dead()?;
    ensure!(cluster.attempt_processes().is_empty(), "left are {:#?}", cluster.attempt_processes());
    println!("stopped after {took:?}; the ladder's budget is {:?}", ladder::BUDGET);
    ensure!(took < ladder::BUDGET + SLACK, "it took {took:?}");
    ensure!(took > ladder::CANCEL + ladder::CLOSE, "it had {took:?} and not the time that it is given");

    let took_kill = "it took SIGKILL to the tree";
    ensure!(said.contains(took_kill) && said.contains("verified: 0 processes left"), "stop says {said:?}");
    let (step, exit) = told(&cluster, deaf.id).await?;
    ensure!(step == Some(StopStep::Tree) && exit.step == Some(StopStep::Tree), "told are {step:?} and {exit:?}");
    ensure!(exit.verified && exit.survivors == 0, "{exit:?}");
    let log = cluster.log(deaf.id).await?;
    let exited = log.first("agent_exited").context("its agent's exit is not told")?;
    ensure!(exited.json.contains(r#""step":"kill""#), "{}", exited.json);
    let view = cluster.session(deaf.id).await?;
    ensure!(view.stop_step == Some(StopStep::Tree), "the session says {:?}", view.stop_step);
    for args in [&["show", &id][..], &["logs", &id], &["logs", "--verbose", &id]] {
        let said = run(&cluster, args).await?;
        ensure!(said.contains(took_kill), "{args:?} says {said}");
    }

    // And it is taken up again.
    cluster.prompt(deaf.id, "hello").await?;
    let view = cluster.wait_idle(deaf.id).await?;
    ensure!(view.attempt == 2 && view.stop_step.is_none(), "it is {view:#?}");
    cluster.end().await
}

/// Whoever of those that end it dies with the order: somebody else does it, and says so.
#[tokio::test]
async fn a_stop_outlives_whoever_carries_it_out() -> Result<()> {
    let mut cluster = cluster().start().await?;
    for roles in [&[Role::Keeper][..], &[Role::Runner], &[Role::Keeper, Role::Runner], &[Role::Agent]] {
        let deaf = Deaf::start(&cluster).await?;
        let began = Instant::now();
        cluster.client()?.stop(deaf.id, &StopSession::default(), &CommandKey::fresh()).await?;
        cluster.kill(roles, &deaf.tree)?;
        let view = cluster.wait_session(deaf.id, "it is stopped", |s| s.state == "stopped").await?;
        let took = began.elapsed();
        deaf.is_dead().with_context(|| format!("{roles:?}"))?;
        ensure!(view.stop_verified == Some(true), "{roles:?}: nothing is proved");
        ensure!(view.stop_step == Some(StopStep::Tree), "{roles:?}: it says {:?}", view.stop_step);
        ensure!(view.stop_cause == Some(StopCause::UserRequested), "{roles:?}: the cause is {:?}", view.stop_cause);
        println!("{roles:?} killed: stopped after {took:?}");
        ensure!(took < ladder::BUDGET + SLACK, "{roles:?}: it took {took:?}");
        let (step, exit) = told(&cluster, deaf.id).await?;
        ensure!(step == exit.step, "{roles:?}: told are {step:?} and {exit:?}");
    }
    cluster.end().await
}

/// Who stands still is not waited for longer than the ladder says.
#[tokio::test]
async fn a_stop_does_not_wait_for_who_stands_still() -> Result<()> {
    let cluster = cluster().start().await?;
    let mut hurried = Vec::new();
    for (frozen, mode) in [
        (Role::Agent, StopMode::Graceful),
        (Role::Agent, StopMode::Now),
        (Role::Runner, StopMode::Now),
        (Role::Keeper, StopMode::Now),
    ] {
        let deaf = Deaf::start(&cluster).await?;
        let patient = if mode == StopMode::Now { Some(Deaf::start(&cluster).await?) } else { None };
        freeze(match frozen {
            Role::Agent => deaf.tree.agent,
            Role::Runner => deaf.tree.runner,
            Role::Keeper | Role::Server | Role::Worker => deaf.tree.keeper,
        })?;
        if let Some(patient) = &patient {
            begin_patient_stop(&cluster, patient).await?;
        }
        let began = Instant::now();
        let stop = StopSession { mode, message: None };
        cluster.client()?.stop(deaf.id, &stop, &CommandKey::fresh()).await?;
        let view = cluster.wait_session(deaf.id, "it is stopped", |s| s.state == "stopped").await?;
        let took = began.elapsed();
        deaf.is_dead().with_context(|| format!("{frozen:?} {mode:?}"))?;
        println!("{frozen:?} frozen, {mode:?}: stopped after {took:?}");
        let budget = if mode == StopMode::Now { AT_ONCE } else { ladder::BUDGET };
        ensure!(took < budget + SLACK, "{frozen:?} {mode:?}: it took {took:?}");
        ensure!(view.stop_verified == Some(true), "{frozen:?} {mode:?}: nothing is proved");
        ensure!(view.stop_step == Some(StopStep::Tree), "{frozen:?} {mode:?}: it says {:?}", view.stop_step);
        hurried.extend(patient.map(|patient| (deaf.id, patient)));
    }
    for (id, patient) in &hurried {
        was_hurried(&cluster, *id, patient).await?;
    }
    cluster.end().await
}

/// Nobody can find, adopt or bury an attempt without its run directory: it does not go on for ever, and its session does
/// not say that it does.
#[tokio::test]
async fn an_attempt_whose_run_directory_is_removed_ends() -> Result<()> {
    /// How often a keeper looks, and what the look may be late.
    const NOTICED: Duration = Duration::from_secs(3);
    let cluster = cluster().start().await?;
    let deaf = Deaf::start(&cluster).await?;
    let run_dirs = cluster.home().data().join("run").join(deaf.id.to_string());
    let began = Instant::now();
    std::fs::remove_dir_all(&run_dirs)?;
    let view = cluster.wait_session(deaf.id, "it is stopped", |s| s.state == "stopped").await?;
    let took = began.elapsed();
    deaf.is_dead()?;
    println!("stopped after {took:?}");
    ensure!(took < NOTICED + ladder::BUDGET + SLACK, "it took {took:?}");
    ensure!(view.stop_verified == Some(true), "nothing is proved: {view:#?}");
    let failure = view.failure.clone().with_context(|| format!("it does not say what went wrong: {view:#?}"))?;
    ensure!(failure.code.as_deref() == Some("storage_failed"), "it says {failure:?}");
    ensure!(failure.summary.contains("was removed") && failure.hint.is_some(), "it says {failure:?}");
    ensure!(!run_dirs.exists(), "somebody made it anew");
    let (_, exit) = told(&cluster, deaf.id).await?;
    ensure!(exit.verified && exit.detail.contains("was removed"), "told is {exit:?}");

    // And it is taken up again, in a directory of its own.
    cluster.prompt(deaf.id, "hello").await?;
    let view = cluster.wait_idle(deaf.id).await?;
    ensure!(view.attempt == 2, "it is {view:#?}");
    cluster.end().await
}

/// The first cause stays, whoever else comes; all of them get the same end; and one without patience hurries the others.
#[tokio::test]
async fn stops_that_come_together_have_one_end() -> Result<()> {
    let cluster = cluster().start().await?;
    let (deaf, patient) = (Deaf::start(&cluster).await?, Deaf::start(&cluster).await?);
    let client = cluster.client()?;
    begin_patient_stop(&cluster, &patient).await?;
    let began = Instant::now();
    let stops = (0..20).map(|n| {
        let (client, id) = (client.clone(), deaf.id);
        async move {
            let mode = if n % 5 == 4 { StopMode::Now } else { StopMode::Graceful };
            let stop = StopSession { mode, message: Some(format!("stop {n}")) };
            client.stop(id, &stop, &CommandKey::fresh()).await
        }
    });
    for answer in join_all(stops).await {
        let view = answer?;
        ensure!(matches!(view.state.as_str(), "stopping" | "stopped"), "a stop made it {}", view.state);
        ensure!(view.stop_cause == Some(StopCause::UserRequested), "the cause is {:?}", view.stop_cause);
    }
    let view = cluster.wait_session(deaf.id, "it is stopped", |s| s.state == "stopped").await?;
    ensure!(began.elapsed() < AT_ONCE + SLACK, "nobody was hurried: it took {:?}", began.elapsed());
    deaf.is_dead()?;
    was_hurried(&cluster, deaf.id, &patient).await?;
    let log = cluster.log(deaf.id).await?;
    let first = log.first("session_stopping").context("it was never stopping")?;
    let detail = view.stop_detail.clone().context("it does not say why")?;
    ensure!(first.json.contains(&format!(r#""message":"{detail}""#)), "the first was {}, it says {detail}", first.json);
    ensure!(log.count("session_stopped") == 1, "it stopped {} times", log.count("session_stopped"));
    let turn = view.last_turn.clone().context("no turn has ended")?;
    ensure!(log.ends(turn.id).len() == 1 && turn.stop_reason == StopReason::Cancelled, "it ended by {turn:?}");

    // One that comes late joins what is over, and changes nothing.
    let late = client.stop(deaf.id, &StopSession::default(), &CommandKey::fresh()).await?;
    ensure!(late.seq == view.seq && late.stop_detail == view.stop_detail, "a late stop made it {late:#?}");
    cluster.end().await
}

/// A server that stops its sessions has ten seconds for them, however they are: all of them are stopped, or let go of.
#[tokio::test]
async fn a_shutdown_ends_its_sessions_within_its_budget() -> Result<()> {
    const BUDGET: Duration = Duration::from_secs(10);
    let mut cluster = cluster().start().await?;
    let idle = cluster.create("hello").await?.session.id;
    cluster.wait_idle(idle).await?;
    let deaf = Deaf::start(&cluster).await?;
    let frozen = Deaf::start(&cluster).await?;
    freeze(frozen.tree.runner)?;
    // One is on its way to its end already.
    let finalising = Deaf::start(&cluster).await?;
    cluster.client()?.stop(finalising.id, &StopSession::default(), &CommandKey::fresh()).await?;

    let began = Instant::now();
    let said = run(&cluster, &["shutdown", "--stop-sessions", "--yes"]).await?;
    let took = began.elapsed();
    println!("shut down after {took:?}: {said}");
    ensure!(took < BUDGET + SLACK, "it took {took:?}: {said}");
    for session in [&deaf, &frozen, &finalising] {
        session.is_dead()?;
    }
    cluster.kill_server()?;
    cluster.start_server().await?;
    for id in [idle, deaf.id, frozen.id, finalising.id] {
        let view = cluster.session(id).await?;
        ensure!(view.state == "stopped" && view.stop_verified == Some(true), "{id} is {view:#?}");
        let first = if id == finalising.id { StopCause::UserRequested } else { StopCause::Shutdown };
        ensure!(view.stop_cause == Some(first), "{id}: the cause is {:?}", view.stop_cause);
    }
    cluster.end().await
}
