//! Turns in which nothing happens, agents and workers that stand still or are away, a server that was suspended, agents
//! that crash again and again.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use convene_api::{
    body::{CreateSession, DecidePermission, SessionLimits},
    client::CommandKey,
};
use convene_core::{
    event::UnhealthyReason,
    failure::{StopCause, StopReason},
    health::{Activity, Health, Ineligible},
    ids::SessionId,
    spec::{CrashPolicy, PermissionMode},
    view::{Badge, SessionView},
};
use convene_testkit::cluster::{Builder, Cluster, PATIENCE, Topic, freeze, thaw, wait_until};

fn cluster() -> Builder {
    Cluster::of(env!("CARGO_BIN_EXE_convene"))
}

fn ails(view: &SessionView, reason: UnhealthyReason) -> bool {
    view.unhealthy.iter().any(|ailment| ailment.reason == reason)
}

async fn create(cluster: &Cluster, body: &CreateSession) -> Result<SessionId> {
    Ok(cluster.client()?.create_session(body, &CommandKey::fresh()).await?.session.id)
}

/// Answers the question of a session with yes.
async fn allow(cluster: &Cluster, view: &SessionView) -> Result<()> {
    let request = view.pending_permissions.first().context("it asks nothing")?.request;
    let yes = DecidePermission { option_id: Some("allow_once".to_owned()), decision: None, message: None };
    cluster.client()?.decide(view.id, request, &yes, &CommandKey::fresh()).await?;
    Ok(())
}

/// Silence is shown, then warned of, then ended; a question that waits for a person is none.
#[tokio::test]
async fn a_turn_in_which_nothing_happens_is_warned_of_and_ended() -> Result<()> {
    let config = "[limits]\ninactivity_warn = \"2s\"\ninactivity_timeout = \"5s\"";
    let cluster = cluster().config(config).start().await?;
    let asks = cluster.create("PERM").await?.session.id;
    cluster.wait_session(asks, "it asks", |s| !s.pending_permissions.is_empty()).await?;
    let patient = CreateSession {
        limits: Some(SessionLimits { inactivity_warn: Some(0), inactivity_timeout: Some(0) }),
        ..cluster.session_of("fake", "HANG")
    };
    let patient = create(&cluster, &patient).await?;
    let hangs = cluster.create("HANG").await?.session.id;
    let view = cluster.wait_session(hangs, "it is shown as hung", |s| s.badge == Badge::Hung).await?;
    ensure!(ails(&view, UnhealthyReason::Silent), "it is {view:#?}");
    let health = cluster.client()?.health(hangs).await?.row;
    ensure!((health.health, health.ineligible) == (Health::Degraded, Some(Ineligible::Hung)), "it is {health:?}");
    let view = cluster.wait_session(hangs, "its turn is over", |s| s.last_turn.is_some()).await?;
    let turn = view.last_turn.context("no turn has ended")?;
    let code = turn.failure.as_ref().and_then(|failure| failure.code.clone());
    ensure!(
        (turn.stop_reason, code.as_deref()) == (StopReason::Timeout, Some("turn_inactive")),
        "it ended by {turn:?}"
    );
    let log = cluster.log(hangs).await?;
    let told: Vec<&str> = log.tags();
    let place =
        |tag: &str| told.iter().position(|known| *known == tag).with_context(|| format!("no {tag} in {told:?}"));
    ensure!(place("turn_inactive")? < place("turn_cancel_requested")?, "they came as {told:?}");
    ensure!(log.count("turn_inactive") == 1 && log.count("session_unhealthy") == 1, "they came as {told:?}");
    for waits in [asks, patient] {
        let log = cluster.log(waits).await?;
        ensure!(log.count("turn_inactive") + log.count("turn_ended") == 0, "it was told {:?}", log.tags());
    }
    cluster.end().await
}

/// The server stands still for longer than every limit. Nobody's time ran out meanwhile, and from then on it runs.
#[tokio::test]
async fn nobodys_time_runs_out_while_the_server_is_suspended() -> Result<()> {
    /// The longest of the limits: that of a question.
    const LONGEST: Duration = Duration::from_secs(9);
    let config = "[limits]\ninactivity_warn = \"4s\"\ninactivity_timeout = \"6s\"\n[permissions]\nask_timeout = \"9s\"";
    let cluster = cluster().config(config).start().await?;
    // It asks before the other one begins, whose time is the shorter one.
    let asks = cluster.create("PERM").await?.session.id;
    let view = cluster.wait_session(asks, "it asks", |s| !s.pending_permissions.is_empty()).await?;
    let done = cluster.home().work().join("done");
    let prompt = format!("STREAM 5\nPAUSE 12000\nWRITE {} yes\nSTREAM 5", done.display());
    let mut body = cluster.session_of("fake", &prompt);
    body.permissions = Some(PermissionMode::All);
    body.timeout = Some(8);
    let works = create(&cluster, &body).await?;
    let events = cluster.record(Topic::Session(works), 0)?;
    events.wait_text("w5 ").await?;
    let server = cluster.server_pid().context("no server")?;
    freeze(server)?;
    let frozen = Instant::now();
    let over = async || Ok(done.exists() && frozen.elapsed() > LONGEST);
    wait_until("the agent is done and every limit is over", PATIENCE, over).await?;
    thaw(server)?;
    let turn = cluster.wait_idle(works).await?.last_turn.context("no turn has ended")?;
    ensure!(turn.stop_reason == StopReason::EndTurn, "it ended by {:?}: {:?}", turn.stop_reason, turn.failure);
    let log = cluster.log(works).await?;
    ensure!(log.count("turn_inactive") + log.count("turn_cancel_requested") == 0, "it was told {:?}", log.tags());
    allow(&cluster, &view).await.context("the question is gone")?;
    // The limits still are limits.
    let hangs = cluster.create("HANG").await?.session.id;
    let view = cluster.wait_session(hangs, "its turn is over", |s| s.last_turn.is_some()).await?;
    ensure!(view.last_turn.is_some_and(|turn| turn.stop_reason == StopReason::Timeout), "it went on");
    drop(events);
    cluster.end().await
}

/// A worker that is gone, and one that stands still, is shown within seconds; the agent works on meanwhile.
#[tokio::test]
async fn a_worker_that_is_away_is_shown_within_seconds() -> Result<()> {
    let mut cluster = cluster().worker_apart().start().await?;
    let id = cluster.create("SLOW").await?.session.id;
    let events = cluster.record(Topic::Session(id), 0)?;
    events.wait_text("w5 ").await?;
    let offline = |s: &SessionView| ails(s, UnhealthyReason::WorkerOffline);
    let mut well_at = 0;
    for kills in [true, false] {
        let worker = cluster.worker_pid().context("no worker")?;
        let since = Instant::now();
        if kills {
            cluster.kill_worker()?;
        } else {
            freeze(worker)?;
        }
        let view = cluster.wait_session(id, "its worker is offline", offline).await?;
        let took = since.elapsed();
        println!(
            "{} after {took:?}",
            if kills { "a killed worker is shown" } else { "one that stands still is shown" }
        );
        // Six and a quarter at worst on a machine with nothing else to do.
        ensure!(took < Duration::from_secs(15), "it took {took:?}");
        ensure!(view.badge == Badge::Unhealthy && view.state == "running", "it is {view:#?}");
        let health = cluster.client()?.health(id).await?;
        let row = &health.row;
        ensure!((row.activity, row.health) == (Activity::Prompting, Health::Stale), "it is {health:?}");
        ensure!(health.runner_connected && !row.attachable && !row.eligible_for_wake, "it is {health:?}");
        let seen = events.seen().text.len();
        events.wait("the agent works on", |now| now.text.len() > seen + 100).await?;
        if kills {
            cluster.start_worker().await?;
        } else {
            thaw(worker)?;
        }
        let is_back = |s: &SessionView| !offline(s) && s.badge == Badge::Running;
        well_at = cluster.wait_session(id, "its worker is back", is_back).await?.seq;
    }
    // On a slow machine it may have been missed once more; each time it is told once, and once that it is over.
    let log = cluster.log(id).await?;
    let told = |tag: &str| log.events.iter().filter(|e| e.seq <= well_at && e.data.tag() == tag).count();
    let (ill, well) = (told("session_unhealthy"), told("session_recovered"));
    ensure!(ill >= 2 && ill == well, "it was told {:?}", log.tags());
    drop(events);
    cluster.end().await
}

/// An agent whose process stands still is shown, with what lets it go on.
#[tokio::test]
async fn an_agent_that_stands_still_is_shown_and_recovers() -> Result<()> {
    let cluster = cluster().start().await?;
    let id = cluster.create("SLOW").await?.session.id;
    let events = cluster.record(Topic::Session(id), 0)?;
    events.wait_text("w5 ").await?;
    let agent = cluster.tree(id).await?.agent;
    freeze(agent)?;
    let still = |s: &SessionView| ails(s, UnhealthyReason::AgentStopped);
    let view = cluster.wait_session(id, "it is shown", still).await?;
    ensure!(view.badge == Badge::Hung, "it is {}", view.badge);
    ensure!(view.unhealthy[0].detail.contains(&format!("kill -CONT {agent}")), "it is {:?}", view.unhealthy);
    thaw(agent)?;
    cluster.wait_session(id, "it is well", |s| !still(s) && s.badge == Badge::Running).await?;
    let seen = events.seen().text.len();
    events.wait("it goes on", |now| now.text.len() > seen + 100).await?;
    drop(events);
    cluster.end().await
}

/// What crashes again and again is not started for ever; the next prompt of a person begins anew.
#[tokio::test]
async fn a_crash_loop_ends_until_somebody_prompts() -> Result<()> {
    let cluster = cluster().fake_as("dead", &["--exit-at-start", "3"]).start().await?;
    let resumes = |agent: &str, prompt: &str| CreateSession {
        crash_policy: Some(CrashPolicy::Resume),
        ..cluster.session_of(agent, prompt)
    };
    let looped = |view: &SessionView| {
        let failure = view.failure.clone().context("nothing failed")?;
        ensure!(failure.code.as_deref() == Some("crash_loop") && failure.hint.is_some(), "it failed by {failure:?}");
        ensure!(view.stop_cause == Some(StopCause::Failed) && view.badge == Badge::Failed, "it is {view:#?}");
        Ok(())
    };
    // At its start, before it has said a word.
    let dead = create(&cluster, &resumes("dead", "hello")).await?;
    let view = cluster.wait_session(dead, "it is stopped", |s| s.state == "stopped").await?;
    looped(&view)?;
    ensure!(view.attempt == 3, "it was tried {} times", view.attempt);
    ensure!(view.last_turn.is_some_and(|turn| turn.stop_reason == StopReason::Failed), "nobody is told of the turn");

    // In its turns, of which some wait: the first one goes on once they all do.
    let id = create(&cluster, &resumes("fake", "PERM\nCRASH")).await?;
    let view = cluster.wait_session(id, "it asks", |s| !s.pending_permissions.is_empty()).await?;
    for _ in 0..4 {
        cluster.prompt(id, "CRASH").await?;
    }
    allow(&cluster, &view).await?;
    let view = cluster.wait_session(id, "it is stopped", |s| s.state == "stopped").await?;
    looped(&view)?;
    ensure!((view.attempt, view.queue_length) == (3, 2), "{} attempts, {} wait", view.attempt, view.queue_length);
    let last = view.last_turn.context("no turn has ended")?;
    ensure!(last.stop_reason == StopReason::Interrupted, "what became of the turn is not said: {last:?}");

    // Somebody wants it to go on: two crash, the third does not.
    cluster.prompt(id, "hello").await?;
    let view = cluster.wait_idle(id).await?;
    ensure!((view.turns_done(), view.attempt) == (6, 6), "it is {view:#?}");
    cluster.end().await
}

trait Turns {
    fn turns_done(&self) -> u32;
}

impl Turns for SessionView {
    fn turns_done(&self) -> u32 {
        self.last_turn.as_ref().map_or(0, |turn| turn.number)
    }
}
