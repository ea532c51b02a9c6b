//! Sessions that are resumed, put to sleep, cleared and forked, and what their agents remember.

use anyhow::{Context as _, Result, bail, ensure};
use convene_api::{
    body::{CreateSession, ForkSession, HibernateSession, PromptInput, StopSession},
    client::{ClientError, CommandKey},
    problem::{Code, Problem},
};
use convene_core::{
    event::{EventBody, KnownEvent},
    ids::SessionId,
    spec::OnTurnEnd,
    view::{Badge, SessionView},
};
use convene_testkit::cluster::{Builder, Cluster, PATIENCE, Topic, wait_until};

fn cluster() -> Builder {
    Cluster::of(env!("CARGO_BIN_EXE_convene"))
}

fn key() -> CommandKey {
    CommandKey::fresh()
}

/// A session whose first turn, `hello`, is over.
async fn said_hello(cluster: &Cluster) -> Result<SessionId> {
    let id = cluster.create("hello").await?.session.id;
    cluster.wait_idle(id).await?;
    Ok(id)
}

async fn stop(cluster: &Cluster, id: SessionId) -> Result<SessionView> {
    cluster.client()?.stop(id, &StopSession::default(), &key()).await?;
    cluster.wait_session(id, "it is stopped", |s| s.state == "stopped").await
}

/// Prompts and waits for the end of that turn.
async fn prompt(cluster: &Cluster, id: SessionId, text: &str) -> Result<SessionView> {
    let turn = cluster.prompt(id, text).await?.turn;
    let over = |s: &SessionView| s.last_turn.as_ref().is_some_and(|t| t.id == turn) && s.state == "idle";
    cluster.wait_session(id, "its turn is over and it is idle", over).await
}

/// Waits until a session sleeps, without looking at it as somebody who watches it does.
async fn asleep(cluster: &Cluster, id: SessionId) -> Result<SessionView> {
    let sleeps = async || Ok(cluster.session(id).await?.state == "hibernated");
    wait_until("the session sleeps", PATIENCE, sleeps).await?;
    cluster.session(id).await
}

async fn tags(cluster: &Cluster, id: SessionId) -> Result<Vec<String>> {
    Ok(cluster.log(id).await?.events.iter().map(|event| event.data.tag().to_owned()).collect())
}

fn refusal<T: std::fmt::Debug>(result: Result<T, ClientError>) -> Result<Problem> {
    match result {
        Err(ClientError::Problem(problem)) => Ok(problem),
        other => bail!("it was not refused: {other:?}"),
    }
}

/// Runs a command of the CLI: its exit code, and what it said on stdout and stderr.
fn run(cluster: &Cluster, arguments: &[&str]) -> Result<(Option<i32>, String, String)> {
    let output = cluster.command(arguments).output()?;
    Ok((output.status.code(), String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?))
}

#[tokio::test]
async fn a_stopped_session_is_resumed_without_a_prompt() -> Result<()> {
    let cluster = cluster().start().await?;
    let client = cluster.client()?;
    let id = said_hello(&cluster).await?;
    let before = client.resume(id, &key()).await?;
    ensure!(before.seq == client.session(&id.to_string()).await?.seq, "a live session needs nothing");
    let agent = stop(&cluster, id).await?.agent_session_id;

    let resume = key();
    let resumed = client.resume(id, &resume).await?;
    ensure!(resumed.state == "pending", "it is {}", resumed.state);
    let again = client.resume(id, &resume).await?;
    ensure!(again.seq == resumed.seq, "the same command is carried out once");
    let view = cluster.wait_session(id, "its agent is ready", |s| s.state == "idle").await?;
    ensure!((view.attempt, &view.agent_session_id) == (2, &agent), "it has another conversation: {view:?}");
    ensure!(view.stop_cause.is_none() && view.context_lost_at.is_none(), "it is as it was: {view:?}");
    ensure!(cluster.receipts()? == ["hello"], "nothing was said: {:?}", cluster.receipts()?);
    prompt(&cluster, id, "more").await?;
    ensure!(cluster.receipts()? == ["hello", "more"], "the agent had {:?}", cluster.receipts()?);

    // By the command, which waits; and what cannot be is refused and changes nothing.
    stop(&cluster, id).await?;
    let (code, out, err) = run(&cluster, &["resume", &id.short()])?;
    ensure!((code, out.as_str()) == (Some(0), ""), "{code:?} {out}{err}");
    ensure!(err == format!("session {} ready\n", id.short()), "it said {err}");
    ensure!(cluster.session(id).await?.state == "idle", "it was ready when the command ended");
    stop(&cluster, id).await?;
    client.archive(id, &key()).await?;
    ensure!(refusal(client.resume(id, &key()).await)?.code == Code::SessionArchived, "it is put away");
    cluster.end().await
}

#[tokio::test]
async fn a_one_shot_session_that_is_resumed_waits_for_its_next_prompt() -> Result<()> {
    let cluster = cluster().start().await?;
    let client = cluster.client()?;
    let body = CreateSession { on_turn_end: Some(OnTurnEnd::Stop), ..cluster.session_of("fake", "hello") };
    let id = client.create_session(&body, &key()).await?.session.id;
    cluster.wait_session(id, "it is stopped", |s| s.state == "stopped").await?;
    client.resume(id, &key()).await?;
    cluster.wait_session(id, "its agent is ready", |s| s.state == "idle").await?;
    cluster.prompt(id, "more").await?;
    let over = |s: &SessionView| s.state == "stopped" && s.last_turn.as_ref().is_some_and(|t| t.number == 2);
    cluster.wait_session(id, "it is stopped after its second turn", over).await?;
    cluster.end().await
}

#[tokio::test]
async fn an_agent_that_lost_the_conversation_is_told_of_it_once() -> Result<()> {
    for (flag, words) in [("--lost", "Invalid session identifier"), ("--no-load", "can neither resume nor load")] {
        let cluster = cluster().fake(&[flag]).start().await?;
        let id = said_hello(&cluster).await?;
        stop(&cluster, id).await?;
        let receipts = cluster.receipts()?.len();
        let view = prompt(&cluster, id, "what did I say?").await?;
        ensure!(view.context_lost_at.is_some(), "it is not shown: {view:?}");
        let told = cluster.receipts()?;
        let [told] = &told[receipts..] else { bail!("{} prompts came", told.len() - receipts) };
        ensure!(told.contains("User: hello\n") && told.contains("You: echo: hello\n"), "it was told {told:?}");
        ensure!(told.ends_with("\nwhat did I say?"), "the prompt comes last: {told:?}");
        // What is shown of the user's words is what the user said.
        let log = cluster.log(id).await?;
        let markers: Vec<_> = log
            .events
            .iter()
            .filter_map(|event| match &event.data.body {
                EventBody::Known(KnownEvent::AgentContextLost { detail, recap, .. }) => Some((detail.clone(), *recap)),
                EventBody::Known(_) | EventBody::Unknown(_) => None,
            })
            .collect();
        let [(detail, recap)] = &markers[..] else { bail!("{} markers", markers.len()) };
        ensure!(detail.contains(words) && *recap > 0, "the marker says {detail:?}, {recap}");
        ensure!(!serde_json::to_string(&view.last_turn)?.contains("User: "), "the recap became the user's words");

        prompt(&cluster, id, "and now?").await?;
        ensure!(cluster.receipts()?.last().is_some_and(|last| last == "and now?"), "it was told again");
        for arguments in [&["show", &id.short()][..], &["logs", &id.short()]] {
            let (_, out, err) = run(&cluster, arguments)?;
            ensure!(out.contains("context lost"), "{arguments:?} does not say it: {out}{err}");
        }
        cluster.end().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_recap_that_was_due_is_not_forgotten_with_the_agent_that_was_to_hear_it() -> Result<()> {
    let cluster = cluster().fake(&["--no-load"]).start().await?;
    let client = cluster.client()?;
    let id = said_hello(&cluster).await?;
    for _ in 0..2 {
        stop(&cluster, id).await?;
        client.resume(id, &key()).await?;
        cluster.wait_session(id, "its agent is ready", |s| s.state == "idle").await?;
    }
    prompt(&cluster, id, "what did I say?").await?;
    let told = cluster.receipts()?.pop().context("no prompt came")?;
    ensure!(told.contains("User: hello\n"), "it was told {told:?}");
    cluster.end().await
}

#[tokio::test]
async fn a_session_sleeps_without_a_process_and_wakes_on_a_prompt() -> Result<()> {
    let cluster = cluster().start().await?;
    let client = cluster.client()?;
    let id = said_hello(&cluster).await?;
    let (code, out, err) = run(&cluster, &["hibernate", &id.short()])?;
    ensure!((code, out.as_str()) == (Some(0), ""), "{code:?} {out}{err}");
    ensure!(err == format!("session {} hibernated\n", id.short()), "it said {err}");
    let view = cluster.session(id).await?;
    ensure!(
        (view.state.as_str(), view.badge) == ("hibernated", Badge::Hibernated),
        "it is {} {}",
        view.state,
        view.badge
    );
    ensure!(view.failure.is_none() && view.worker.is_none(), "it holds a seat: {view:?}");
    cluster.attempts_gone().await?;
    ensure!(client.hibernate(id, &HibernateSession::default(), &key()).await?.seq == view.seq, "it sleeps already");

    let woken = prompt(&cluster, id, "more").await?;
    ensure!((woken.attempt, woken.context_lost_at.is_none()) == (2, true), "it woke as another: {woken:?}");
    ensure!(cluster.receipts()? == ["hello", "more"], "the agent had {:?}", cluster.receipts()?);
    cluster.end().await
}

#[tokio::test]
async fn a_session_that_nobody_uses_or_watches_falls_asleep_by_itself() -> Result<()> {
    let cluster = cluster().config("[limits]\nhibernate_after = \"3s\"").start().await?;
    let id = cluster.create("hello").await?.session.id;
    // This one is watched from its beginning on.
    let created = cluster.create("hello").await?;
    let watched = created.session.id;
    let reader = cluster.record(Topic::Session(watched), created.cursor.seq)?;
    reader.wait_tag("turn_ended").await?;
    let view = asleep(&cluster, id).await?;
    ensure!(view.badge == Badge::Hibernated && view.worker.is_none(), "it is {view:?}");
    let by = cluster.log(id).await?.events.iter().find_map(|event| match &event.data.body {
        EventBody::Known(KnownEvent::SessionHibernating { by }) => Some(by.clone()),
        EventBody::Known(_) | EventBody::Unknown(_) => None,
    });
    ensure!(by.as_deref() == Some("idle"), "it sleeps because of {by:?}");
    ensure!(cluster.session(watched).await?.state == "idle", "somebody looks at this one");
    drop(reader);
    asleep(&cluster, watched).await?;
    cluster.attempts_gone().await?;

    let turn = cluster.prompt(id, "more").await?.turn;
    let over = |s: &SessionView| s.last_turn.as_ref().is_some_and(|t| t.id == turn);
    let view = cluster.wait_session(id, "it woke for the prompt", over).await?;
    ensure!((view.attempt, view.context_lost_at.is_none()) == (2, true), "it woke as another: {view:?}");
    ensure!(cluster.receipts()? == ["hello", "hello", "more"], "the agent had {:?}", cluster.receipts()?);
    cluster.end().await
}

#[tokio::test]
async fn more_sessions_than_seats_take_turns() -> Result<()> {
    let cluster = cluster().config("[worker]\nseats = 1").start().await?;
    let mut sessions = Vec::new();
    for _ in 0..3 {
        sessions.push(said_hello(&cluster).await?);
    }
    for (id, state) in sessions.iter().zip(["hibernated", "hibernated", "idle"]) {
        let now = cluster.session(*id).await?;
        ensure!(now.state == state, "{id} is {}", now.state);
    }
    let first = sessions[0];
    let view = prompt(&cluster, first, "more").await?;
    ensure!((view.attempt, view.context_lost_at.is_none()) == (2, true), "it woke as another: {view:?}");
    cluster.wait_session(sessions[2], "the last one gave up its seat", |s| s.state == "hibernated").await?;

    // A seat with work that would be lost is kept, and whoever waits is told so.
    let busy = prompt(&cluster, first, "DAEMON").await?;
    let waits = cluster.create("hello").await?.session.id;
    let kept = |s: &SessionView| s.waiting.as_ref().is_some_and(|w| w.reason == "no_seat");
    cluster.wait_session(waits, "it waits", kept).await?;
    wait_until("it is said what keeps the seat", PATIENCE, async || {
        Ok(tags(&cluster, first).await?.contains(&"session_kept_awake".to_owned()))
    })
    .await?;
    ensure!(cluster.session(first).await?.attempt == busy.attempt, "its work was lost");
    stop(&cluster, first).await?;
    cluster.wait_idle(waits).await?;
    cluster.end().await
}

#[tokio::test]
async fn an_agent_that_would_forget_is_kept_unless_a_recap_is_wanted() -> Result<()> {
    let cluster = cluster().fake(&["--no-load"]).start().await?;
    let client = cluster.client()?;
    let id = said_hello(&cluster).await?;
    let no = refusal(client.hibernate(id, &HibernateSession::default(), &key()).await)?;
    ensure!(no.code == Code::WrongState && no.hint.as_deref().is_some_and(|h| h.contains("--recap")), "it said {no:?}");
    let (code, _, err) = run(&cluster, &["hibernate", "--recap", &id.short()])?;
    ensure!(code == Some(0), "{err}");
    let (code, _, err) = run(&cluster, &["resume", &id.short()])?;
    ensure!(code == Some(0), "{err}");
    let view = cluster.session(id).await?;
    ensure!(view.state == "idle" && view.context_lost_at.is_some(), "it is {view:?}");
    cluster.end().await
}

#[tokio::test]
async fn work_that_an_agent_left_running_keeps_its_session_awake() -> Result<()> {
    let cluster = cluster().start().await?;
    let client = cluster.client()?;
    let id = client.create_session(&cluster.session_of("fake", "DAEMON"), &key()).await?.session.id;
    let before = cluster.wait_idle(id).await?;
    let (code, _, err) = run(&cluster, &["hibernate", &id.short()])?;
    ensure!(code == Some(1) && err.contains("stays awake: fake-agent (process "), "{code:?} {err}");
    ensure!(err.contains(&format!("convene stop {}", id.short())), "it names no cure: {err}");
    let view = prompt(&cluster, id, "still there?").await?;
    ensure!(view.attempt == before.attempt, "it is another attempt");
    ensure!(!tags(&cluster, id).await?.contains(&"session_hibernated".to_owned()), "it slept");
    stop(&cluster, id).await?;
    cluster.attempts_gone().await?;
    cluster.end().await
}

#[tokio::test]
async fn what_must_not_be_put_to_sleep_is_not() -> Result<()> {
    let cluster = cluster().start().await?;
    let client = cluster.client()?;
    let id = cluster.create("PERM").await?.session.id;
    cluster.wait_session(id, "it asks", |s| !s.pending_permissions.is_empty()).await?;
    let seq = cluster.session(id).await?.seq;
    ensure!(refusal(client.hibernate(id, &HibernateSession::default(), &key()).await)?.code == Code::WrongState, "");
    ensure!(refusal(client.clear(id, &key()).await)?.code == Code::WrongState, "a running session was cleared");
    ensure!(refusal(client.fork(id, &ForkSession::default(), &key()).await)?.code == Code::WrongState, "");
    ensure!(cluster.session(id).await?.seq == seq, "what was refused changed something");
    stop(&cluster, id).await?;
    ensure!(refusal(client.hibernate(id, &HibernateSession::default(), &key()).await)?.code == Code::WrongState, "");
    cluster.end().await
}

#[tokio::test]
async fn a_cleared_session_begins_anew_and_keeps_its_log() -> Result<()> {
    let cluster = cluster().start().await?;
    let id = said_hello(&cluster).await?;
    let before = cluster.session(id).await?;
    let (code, _, err) = run(&cluster, &["clear", &id.short()])?;
    ensure!(code == Some(0), "{err}");
    let ready = |s: &SessionView| s.state == "idle" && s.attempt == before.attempt + 1 && s.agent_session_id.is_some();
    let view = cluster.wait_session(id, "another agent is ready", ready).await?;
    ensure!(view.agent_session_id != before.agent_session_id, "it is the same conversation");
    ensure!(view.result.is_none() && view.last_line.is_none(), "its last answer is still shown");
    ensure!(view.seq > before.seq, "the log goes on");
    prompt(&cluster, id, "more").await?;
    ensure!(cluster.receipts()? == ["hello", "more"], "the agent had {:?}", cluster.receipts()?);
    cluster.end().await
}

#[tokio::test]
async fn a_session_at_rest_is_cleared_where_it_is_and_a_recap_begins_there() -> Result<()> {
    let cluster = cluster().fake(&["--no-load"]).start().await?;
    let client = cluster.client()?;
    let id = said_hello(&cluster).await?;
    stop(&cluster, id).await?;
    let cleared = client.clear(id, &key()).await?;
    ensure!((cleared.state.as_str(), cleared.agent_session_id.as_ref()) == ("stopped", None), "it is {cleared:?}");
    prompt(&cluster, id, "fresh").await?;
    ensure!(cluster.receipts()?.last().is_some_and(|last| last == "fresh"), "it was told of what was cleared");
    ensure!(cluster.session(id).await?.context_lost_at.is_none(), "nothing was lost: it was let go");
    stop(&cluster, id).await?;
    prompt(&cluster, id, "again").await?;
    let told = cluster.receipts()?.pop().context("no prompt came")?;
    ensure!(told.contains("User: fresh") && !told.contains("hello"), "it was told {told:?}");
    cluster.end().await
}

#[tokio::test]
async fn a_fork_goes_on_with_the_conversation_and_leaves_the_other_alone() -> Result<()> {
    for (flags, opened) in [(&["--fork"][..], "forked"), (&[], "new")] {
        let cluster = cluster().fake(flags).start().await?;
        let client = cluster.client()?;
        let parent = said_hello(&cluster).await?;
        let before = cluster.session(parent).await?;
        let body = ForkSession { prompt: Some(PromptInput::Text("the other way".to_owned())), title: None };
        let fork_key = key();
        let created = client.fork(parent, &body, &fork_key).await?;
        ensure!(client.fork(parent, &body, &fork_key).await?.session.id == created.session.id, "it was made twice");
        let id = created.session.id;
        let from = created.session.forked_from.clone().context("it says nothing of where it comes from")?;
        ensure!((from.session, from.seq) == (parent, before.seq), "it comes from {from:?}");
        ensure!(created.session.thread_id == before.thread_id && created.session.cwd == before.cwd, "it is elsewhere");
        ensure!(created.session.title == "hello (fork)", "it is called {:?}", created.session.title);
        let over = |s: &SessionView| s.state == "idle" && s.last_turn.is_some();
        let view = cluster.wait_session(id, "its first turn is over", over).await?;
        let told = cluster.receipts()?.pop().context("no prompt came")?;
        let log = cluster.log(id).await?;
        let how = log.events.iter().find_map(|event| match &event.data.body {
            EventBody::Known(KnownEvent::AgentSessionStarted { how, .. }) => Some(*how),
            EventBody::Known(_) | EventBody::Unknown(_) => None,
        });
        ensure!(serde_json::to_value(how)? == opened, "{flags:?} was opened as {how:?}");
        if opened == "forked" {
            ensure!(told == "the other way" && view.context_lost_at.is_none(), "it was told {told:?}");
        } else {
            ensure!(told.contains("User: hello\n") && told.ends_with("\nthe other way"), "it was told {told:?}");
            ensure!(view.context_lost_at.is_some(), "that it does not remember is not said");
        }
        ensure!(cluster.session(parent).await?.seq == before.seq, "the other one was touched");
        ensure!(view.agent_session_id != before.agent_session_id, "both talk in one conversation");
        // And on its own it goes on as any other.
        stop(&cluster, id).await?;
        prompt(&cluster, id, "more").await?;
        ensure!(cluster.receipts()?.last().is_some_and(|last| last == "more"), "it was told again");

        let (code, out, err) = run(&cluster, &["fork", "@", "--title", "third"])?;
        ensure!(code == Some(0) && out.starts_with("ses_") && err.contains(" forked from "), "{code:?} {out}{err}");
        let third: SessionId = out.trim().parse().context("it printed no id")?;
        cluster.wait_session(third, "it is ready", |s| s.state == "idle" && s.title == "third").await?;
        cluster.end().await?;
    }
    Ok(())
}
