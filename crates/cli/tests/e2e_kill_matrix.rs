//! `kill -9` in the middle of a streamed answer, of each role and of each pair of roles: nothing that anybody saw is
//! lost, the prompt was handed over once, the session tells the truth, and nothing is left running.
//!
//! The agent is as bad as it gets: deaf to SIGTERM and to the end of its input, with children that left it by
//! `setsid`, a double fork and an emptied environment.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use convene_api::{
    body::{DecidePermission, DecisionInput},
    client::{ClientError, CommandKey},
};
use convene_core::{
    failure::{StopCause, StopReason},
    spec::CrashPolicy,
    view::SessionView,
};
use convene_testkit::cluster::{Cluster, PATIENCE, Role, Topic, Tree};
use tokio::task::JoinSet;

/// Words of the answer of an agent that goes on to its end: one every millisecond.
const WORDS: usize = 2500;

/// Words of the answer of an agent that dies in it: more than it comes to before that, however long the test takes.
const ENDLESS: usize = 60_000;

async fn kill(roles: &[Role]) -> Result<()> {
    let builder = Cluster::of(env!("CARGO_BIN_EXE_convene")).worker_apart();
    let mut cluster = builder.fake(&["--ignore-sigterm", "--ignore-eof"]).start().await?;
    let survives = roles.iter().all(|role| matches!(role, Role::Server | Role::Worker));
    let words = if survives { WORDS } else { ENDLESS };
    let prompt = format!("DAEMON\nSTREAM {words} 1000");
    let created = cluster.create(&prompt).await?;
    let id = created.session.id;
    let client = cluster.record(Topic::Session(id), created.cursor.seq)?;
    let list = cluster.record(Topic::List, 0)?;
    let tree = cluster.tree(id).await?;
    client.wait_text("w100 ").await?;
    let daemons = daemons(&client.seen().text)?;
    ensure!(daemons.len() == 4, "the agent has {daemons:?}");
    // What is asserted to be gone afterwards can be seen now.
    let alive: Vec<i32> = cluster.attempt_processes().iter().map(|process| process.pid).collect();
    let all = [&daemons[..], &[tree.keeper, tree.runner, tree.agent]].concat();
    ensure!(all.iter().all(|pid| alive.contains(pid)), "of {all:?} only {alive:?} can be seen");

    cluster.kill(roles, &tree)?;
    let seen_at_death = client.seen().last();
    cluster.restart(roles).await?;

    let view = cluster.wait_session(id, "the turn is over", |s| s.last_turn.is_some() && s.turn.is_none()).await?;
    let turn = view.last_turn.clone().context("no turn has ended")?;
    let log = cluster.log(id).await?;
    ensure!(log.ends(turn.id).len() == 1, "the turn ended {} times", log.ends(turn.id).len());
    let said = log.text(turn.id);
    let said = said.split_once("w1 ").map(|(_, rest)| format!("w1 {rest}")).unwrap_or_default();
    let whole: String = (1..=words).map(|n| format!("w{n} ")).collect();

    if survives {
        ensure!(
            turn.stop_reason == StopReason::EndTurn,
            "the turn ended by {:?}: {:?}",
            turn.stop_reason,
            turn.failure
        );
        ensure!(said == whole, "the agent said {} of {} bytes, up to {:?}", said.len(), whole.len(), end_of(&said));
        ensure!(view.attempt == 1, "it took {} attempts", view.attempt);
        ensure!(log.count("attempt_ended") == 0, "its attempt ended");
    } else {
        ensure!(turn.stop_reason == StopReason::Interrupted, "the turn ended by {:?}", turn.stop_reason);
        let failure = turn.failure.clone().context("the turn does not say what went wrong")?;
        ensure!(!failure.summary.is_empty(), "the failure says nothing");
        ensure!(whole.starts_with(&said), "the agent never said {:?}", end_of(&said));
        ensure!(said.len() < whole.len(), "the answer is whole although the agent was killed");
        let view = cluster.wait_session(id, "the session is stopped", |s| s.state == "stopped").await?;
        let cause = view.stop_cause.context("it has no cause")?;
        ensure!(matches!(cause, StopCause::Failed | StopCause::AgentExited), "the cause is {cause:?}");
        ensure!(view.failure.is_some(), "the session does not say what went wrong");
        ensure!(view.stop_verified == Some(true), "it is not proved that nothing is left");
        // It is said only once it is true.
        ensure!(cluster.attempt_processes().is_empty(), "left are {:#?}", cluster.attempt_processes());
    }
    ensure!(cluster.receipts()? == [prompt.as_str()], "the agent got {:?}", cluster.receipts()?);

    // It takes the next prompt.
    let next = cluster.prompt(id, "hello").await?;
    cluster.wait_session(id, "the next turn is over", |s| s.last_turn.as_ref().is_some_and(|t| t.number == 2)).await?;
    let log = cluster.log(id).await?;
    ensure!(matches!(log.ends(next.turn)[..], [(StopReason::EndTurn, _)]), "it ended by {:?}", log.ends(next.turn));
    ensure!(log.text(next.turn) == "echo: hello", "the agent said {:?}", log.text(next.turn));
    ensure!(cluster.receipts()? == [prompt.as_str(), "hello"], "the agent got {:?}", cluster.receipts()?);

    // What was seen is what is stored: before the death, over it, and after it.
    client.wait("the client has all", |seen| seen.last() == log.events.len() as u64).await?;
    log.is_all_of(&client.seen(), created.cursor.seq)?;
    ensure!(client.seen().last() > seen_at_death, "nothing came after the death");
    ensure!(list.seen().faults.is_empty(), "the list broke its promise: {:?}", list.seen().faults);
    drop((client, list));
    cluster.end().await
}

/// The end of a text, for a message.
fn end_of(text: &str) -> &str {
    &text[text.len().saturating_sub(40)..]
}

fn daemons(text: &str) -> Result<Vec<i32>> {
    let (_, rest) = text.split_once("daemons ").context("there are no daemons")?;
    // The first word of the stream may stand right after the last number.
    let words = rest.split(|c: char| !c.is_ascii_digit() && c != ' ').next().unwrap_or_default();
    Ok(words.split_whitespace().filter_map(|pid| pid.parse().ok()).collect())
}

macro_rules! matrix {
    ($($name:ident: $($role:ident)+;)+) => {
        $(
            #[tokio::test]
            async fn $name() -> Result<()> {
                kill(&[$(Role::$role),+]).await
            }
        )+
    };
}

matrix! {
    server: Server;
    worker: Worker;
    runner: Runner;
    keeper: Keeper;
    agent: Agent;
    server_and_worker: Server Worker;
    server_and_runner: Server Runner;
    server_and_keeper: Server Keeper;
    server_and_agent: Server Agent;
    worker_and_runner: Worker Runner;
    worker_and_keeper: Worker Keeper;
    worker_and_agent: Worker Agent;
    runner_and_keeper: Runner Keeper;
    runner_and_agent: Runner Agent;
    keeper_and_agent: Keeper Agent;
    all_but_the_agent: Server Worker Keeper Runner;
}

/// The server is killed again and again while prompts come in; whoever got an answer finds what it promised.
#[tokio::test]
async fn server_again_and_again_under_load() -> Result<()> {
    const KILLS: usize = 20;
    let seats = "[worker]\nseats = 64\n[limits]\nsessions = 64";
    let mut cluster = Cluster::of(env!("CARGO_BIN_EXE_convene")).config(seats).start().await?;
    let first = cluster.create("SLOW").await?;
    let client = cluster.record(Topic::Session(first.session.id), first.cursor.seq)?;
    client.wait_text("w1 ").await?;
    let mut promised = Vec::new();
    for round in 0..KILLS {
        let before = client.seen().text.len();
        let created = cluster.create(&format!("round {round}\nSTREAM 20")).await?;
        promised.push((created.session.id, created.cursor.seq));
        // At another moment of the new session's life each time.
        let events = cluster.record(Topic::Session(created.session.id), 0)?;
        events.wait("it has come so far", |seen| seen.last() >= 2 + (round as u64 * 7) % 11).await?;
        cluster.kill_server()?;
        cluster.start_server().await?;
        client.wait("the stream goes on", |seen| seen.text.len() > before).await?;
    }
    for (session, seq) in promised {
        let view = cluster.wait_idle(session).await?;
        let turn = view.last_turn.context("no turn has ended")?;
        ensure!(turn.stop_reason == StopReason::EndTurn, "it ended by {:?}: {:?}", turn.stop_reason, turn.failure);
        let log = cluster.log(session).await?;
        ensure!(log.events.len() as u64 >= seq, "the log ends before what the reply promised");
        ensure!(log.count("attempt_started") == 1, "it was started {} times", log.count("attempt_started"));
    }
    let mut receipts = cluster.receipts()?;
    receipts.sort();
    receipts.dedup();
    ensure!(receipts.len() == cluster.receipts()?.len(), "a prompt was handed over twice: {:?}", cluster.receipts()?);
    ensure!(receipts.len() == KILLS + 1, "handed over were {receipts:?}");
    // It goes on speaking: what is seen comes before the log that has it.
    let seen = client.seen().clone();
    cluster.log(first.session.id).await?.has_all(&seen)?;
    drop(client);
    cluster.end().await
}

/// The server dies right after it said yes, at each of the first steps; the prompt runs once all the same.
#[tokio::test]
async fn server_between_the_promise_and_the_prompt() -> Result<()> {
    let steps = [
        "session_created",
        "attempt_assigned",
        "attempt_started",
        "agent_launched",
        "turn_started",
        "turn_handed_over",
    ];
    let mut cluster = Cluster::of(env!("CARGO_BIN_EXE_convene")).start().await?;
    for (n, step) in steps.iter().enumerate() {
        let created = cluster.create(&format!("step {n}")).await?;
        let id = created.session.id;
        let events = cluster.record(Topic::Session(id), 0)?;
        events.wait_tag(step).await?;
        cluster.kill_server()?;
        cluster.start_server().await?;
        let view = cluster.wait_idle(id).await?;
        let turn = view.last_turn.context("no turn has ended")?;
        ensure!(
            turn.stop_reason == StopReason::EndTurn,
            "{step}: it ended by {:?}: {:?}",
            turn.stop_reason,
            turn.failure
        );
        let seen = events.seen().clone();
        cluster.log(id).await?.has_all(&seen)?;
    }
    ensure!(cluster.receipts()?.len() == steps.len(), "the agents got {:?}", cluster.receipts()?);
    cluster.end().await
}

/// Whoever prompts again at the very moment at which the turn is over gets an answer too, not the old failure once more.
#[tokio::test]
async fn agent_and_a_prompt_right_after_it() -> Result<()> {
    let mut cluster =
        Cluster::of(env!("CARGO_BIN_EXE_convene")).fake(&["--ignore-sigterm", "--ignore-eof"]).start().await?;
    let created = cluster.create("SLOW").await?;
    let id = created.session.id;
    let events = cluster.record(Topic::Session(id), created.cursor.seq)?;
    for (round, victim) in [Role::Agent, Role::Runner, Role::Agent, Role::Keeper].into_iter().enumerate() {
        events.wait("it streams", |seen| seen.text.matches("w5 ").count() > round).await?;
        let tree = cluster.tree(id).await?;
        cluster.kill(&[victim], &tree)?;
        events.wait("the turn is over", |seen| seen.count("turn_ended") > 2 * round).await?;
        let next = cluster.prompt(id, &format!("hello {round}")).await?;
        let over = |seen: &convene_testkit::cluster::Seen| seen.count("turn_ended") > 2 * round + 1;
        events.wait("the next turn is over", over).await?;
        let log = cluster.log(id).await?;
        let ends = log.ends(next.turn);
        ensure!(matches!(ends[..], [(StopReason::EndTurn, _)]), "after the {victim:?}: it ended by {ends:?}");
        cluster.prompt(id, "SLOW").await?;
    }
    drop(events);
    cluster.end().await
}

/// Runner and keeper die before the prompt was handed over: provably not delivered, so it is tried again by itself.
#[tokio::test]
async fn runner_before_the_prompt_was_handed_over() -> Result<()> {
    let cluster = Cluster::of(env!("CARGO_BIN_EXE_convene")).fake(&["--start-after", "6000"]).start().await?;
    let created = cluster.create("hello").await?;
    let id = created.session.id;
    let events = cluster.record(Topic::Session(id), 0)?;
    events.wait_tag("agent_launched").await?;
    let record = cluster.home().data().join("run").join(id.to_string()).join("1/attempt.json");
    let record: serde_json::Value = serde_json::from_slice(&std::fs::read(record)?)?;
    let pid = |role: &str| i32::try_from(record[role]["pid"].as_i64().unwrap_or_default()).unwrap_or_default();
    let tree = Tree { keeper: pid("keeper"), runner: pid("runner"), agent: 0 };
    let mut cluster = cluster;
    cluster.kill(&[Role::Runner], &tree)?;
    let view = cluster.wait_idle(id).await?;
    let turn = view.last_turn.context("no turn has ended")?;
    ensure!(turn.stop_reason == StopReason::EndTurn, "it ended by {:?}: {:?}", turn.stop_reason, turn.failure);
    ensure!(view.attempt == 2, "it took {} attempts", view.attempt);
    ensure!(cluster.receipts()? == ["hello"], "the agents got {:?}", cluster.receipts()?);
    drop(events);
    cluster.end().await
}

/// What waits behind a turn that was cut short: kept and asked about, taken up, or dropped, as the session wants it.
#[tokio::test]
async fn runner_with_prompts_behind_it() -> Result<()> {
    let mut cluster = Cluster::of(env!("CARGO_BIN_EXE_convene")).start().await?;
    for policy in [CrashPolicy::Ask, CrashPolicy::Resume, CrashPolicy::Fail] {
        let mut body = cluster.session_of("fake", "SLOW");
        body.crash_policy = Some(policy);
        let created = cluster.client()?.create_session(&body, &CommandKey::fresh()).await?;
        let id = created.session.id;
        let events = cluster.record(Topic::Session(id), created.cursor.seq)?;
        events.wait_text("w3 ").await?;
        let behind = cluster.prompt(id, &format!("behind {policy:?}")).await?;
        let tree = cluster.tree(id).await?;
        cluster.kill(&[Role::Runner], &tree)?;
        let turns = |n: u32| move |s: &SessionView| s.last_turn.as_ref().is_some_and(|t| t.number == n);
        match policy {
            CrashPolicy::Ask => {
                let view = cluster.wait_session(id, "it is stopped", |s| s.state == "stopped").await?;
                ensure!(view.queue_length == 1, "what waited is gone");
                // The next prompt takes the session up, and what waited comes first.
                let next = cluster.prompt(id, "next").await?;
                cluster.wait_session(id, "both have run", turns(3)).await?;
                let log = cluster.log(id).await?;
                ensure!(log.text(behind.turn) == "echo: behind Ask", "it said {:?}", log.text(behind.turn));
                ensure!(log.text(next.turn) == "echo: next", "it said {:?}", log.text(next.turn));
            }
            CrashPolicy::Resume => {
                cluster.wait_session(id, "it went on by itself", turns(2)).await?;
                let log = cluster.log(id).await?;
                ensure!(log.text(behind.turn) == "echo: behind Resume", "it said {:?}", log.text(behind.turn));
            }
            CrashPolicy::Fail => {
                let view = cluster.wait_session(id, "it is stopped", |s| s.state == "stopped").await?;
                ensure!(view.queue_length == 0, "what waited still does");
                ensure!(cluster.log(id).await?.count("queue_entry_dropped") == 1, "nobody says that it was dropped");
            }
        }
        let seen = events.seen().clone();
        cluster.log(id).await?.has_all(&seen)?;
    }
    let expected = ["SLOW", "SLOW", "SLOW", "behind Ask", "behind Resume", "next"];
    let mut receipts = cluster.receipts()?;
    receipts.sort();
    ensure!(receipts == expected, "the agents got {receipts:?}");
    cluster.end().await
}

/// Requests are under way when the server dies; tried again under their keys, each is carried out once.
#[tokio::test]
async fn server_with_requests_under_way() -> Result<()> {
    const CREATES: usize = 30;
    let seats = "[worker]\nseats = 64\n[limits]\nsessions = 64";
    let mut cluster = Cluster::of(env!("CARGO_BIN_EXE_convene")).config(seats).start().await?;
    let client = cluster.client()?.patience(PATIENCE);
    let deadline = Instant::now() + 2 * PATIENCE;
    let mut requests = JoinSet::new();
    for n in 0..CREATES {
        let (client, body) = (client.clone(), cluster.session_of("fake", &format!("request {n}")));
        requests.spawn(async move {
            let key = CommandKey::fresh();
            loop {
                // The client tries again by itself what was cut off; a server that is away is tried again here.
                match client.create_session(&body, &key).await {
                    Err(ClientError::Unreachable { .. }) if Instant::now() < deadline => {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                    answer => return answer.map(|created| created.session.id),
                }
            }
        });
    }
    let first = requests.join_next().await.context("no request")???;
    cluster.kill_server()?;
    cluster.start_server().await?;
    let mut sessions = vec![first];
    while let Some(created) = requests.join_next().await {
        sessions.push(created??);
    }
    sessions.sort();
    sessions.dedup();
    ensure!(sessions.len() == CREATES, "{} sessions answered {CREATES} requests", sessions.len());
    for session in sessions {
        cluster.wait_idle(session).await?;
    }
    let mut receipts = cluster.receipts()?;
    receipts.sort();
    receipts.dedup();
    ensure!(receipts.len() == CREATES, "handed over were {receipts:?}");
    ensure!(cluster.receipts()?.len() == CREATES, "some were handed over twice: {:?}", cluster.receipts()?);
    cluster.end().await
}

/// A question outlives the server, and is closed when nobody is left who asks it.
#[tokio::test]
async fn server_and_then_runner_while_a_question_waits() -> Result<()> {
    let mut cluster = Cluster::of(env!("CARGO_BIN_EXE_convene")).start().await?;
    let created = cluster.create("PERM\nPERM").await?;
    let id = created.session.id;
    let asks = |s: &SessionView| !s.pending_permissions.is_empty();
    let before = cluster.wait_session(id, "it asks", asks).await?;
    cluster.kill_server()?;
    cluster.start_server().await?;
    let view = cluster.session(id).await?;
    ensure!(view.pending_permissions == before.pending_permissions, "it asks {:?}", view.pending_permissions);
    let request = view.pending_permissions[0].request;
    let allow = DecidePermission { decision: Some(DecisionInput::AllowOnce), ..DecidePermission::default() };
    cluster.client()?.decide(id, request, &allow, &CommandKey::fresh()).await?;
    let again = |s: &SessionView| s.pending_permissions.iter().any(|p| p.request != request);
    let view = cluster.wait_session(id, "it asks again", again).await?;
    let second = view.pending_permissions[0].request;

    let tree = cluster.tree(id).await?;
    cluster.kill(&[Role::Runner], &tree)?;
    let view = cluster.wait_session(id, "it is stopped", |s| s.state == "stopped").await?;
    ensure!(view.pending_permissions.is_empty(), "it still asks");
    ensure!(view.needs_you_since.is_none(), "it still needs somebody");
    match cluster.client()?.decide(id, second, &allow, &CommandKey::fresh()).await {
        Err(ClientError::Problem(problem)) => {
            ensure!(problem.http_status() == 409, "it is refused by {problem:?}");
        }
        answer => panic!("a question that nobody asks any more got {answer:?}"),
    }
    let log = cluster.log(id).await?;
    ensure!(log.count("permission_requested") == 2 && log.count("permission_decided") == 2, "{:?}", log.tags());
    cluster.end().await
}
