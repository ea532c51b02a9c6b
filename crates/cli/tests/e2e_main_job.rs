//! The main job through its doors: one prompt becomes a finished turn that everybody sees and a restart finds again.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use convene_api::{
    body::{CancelTurn, DecidePermission, DecisionInput, PromptStatus, StopSession},
    client::{ClientError, CommandKey, SessionsQuery},
    problem::Code,
};
use convene_core::failure::{StopCause, StopReason};
use convene_testkit::cluster::{Builder, Cluster, PATIENCE, Topic, wait_until};

fn cluster() -> Builder {
    Cluster::of(env!("CARGO_BIN_EXE_convene"))
}

fn words(count: usize) -> String {
    (1..=count).map(|n| format!("w{n} ")).collect()
}

#[tokio::test]
async fn a_prompt_becomes_a_finished_turn_that_everybody_sees() -> Result<()> {
    let cluster = cluster().start().await?;
    let list = cluster.record(Topic::List, 0)?;
    list.wait("the list is caught up", |seen| seen.caught_up > 0).await?;

    let created = cluster.create("STREAM 200 500\nTOOL\nDIFF").await?;
    let id = created.session.id;
    ensure!(created.session.state == "pending", "it is {} before anybody could place it", created.session.state);
    ensure!(created.cursor.seq >= 2, "its creation and its first prompt are one transaction");

    let events = cluster.record(Topic::Session(id), created.cursor.seq)?;
    events.wait_tag("turn_ended").await?;

    // The second client was told of the same commit.
    list.wait("session:started came", |seen| seen.frames.iter().any(|f| f.kind == "session:started")).await?;
    {
        let seen = list.seen();
        let started: Vec<_> = seen.frames.iter().filter(|f| f.kind == "session:started").collect();
        let [started] = started.as_slice() else { panic!("{} sessions started", started.len()) };
        // The same commit; later ones may have come before the list was read, and then it tells the newest state once.
        let pos = created.session.pos;
        ensure!(started.pos >= pos, "told at {}, the reply says {pos}", started.pos);
        ensure!(started.data.get().contains(&id.to_string()), "it tells {}", started.data);
    }

    let view = cluster.wait_idle(id).await?;
    let turn = view.last_turn.context("no turn has ended")?;
    ensure!(turn.stop_reason == StopReason::EndTurn, "it ended by {:?}: {:?}", turn.stop_reason, turn.failure);
    let log = cluster.log(id).await?;
    ensure!(log.text(turn.id) == words(200), "the agent said {:?}", log.text(turn.id));
    ensure!(view.result.as_deref().map(str::trim) == Some(words(200).trim()), "the result is {:?}", view.result);
    ensure!(log.ends(turn.id).len() == 1, "it ended {} times", log.ends(turn.id).len());
    events.wait("all events came", |seen| seen.last() == log.events.len() as u64).await?;
    log.is_all_of(&events.seen(), created.cursor.seq)?;
    drop((list, events));

    // And again, in the same conversation.
    let accepted = cluster.prompt(id, "hello again").await?;
    ensure!(accepted.status == PromptStatus::Started, "the second prompt is {:?}", accepted.status);
    let view = cluster
        .wait_session(id, "the second turn ended", |s| s.last_turn.as_ref().is_some_and(|t| t.number == 2))
        .await?;
    ensure!(view.attempt == 1, "it has attempt {}", view.attempt);
    ensure!(cluster.log(id).await?.text(accepted.turn) == "echo: hello again", "the agent said something else");
    ensure!(cluster.receipts()?.len() == 2, "the agent got {:?}", cluster.receipts()?);
    cluster.end().await
}

#[tokio::test]
async fn a_list_client_that_was_away_during_a_create_has_it_afterwards() -> Result<()> {
    let cluster = cluster().start().await?;
    let first = cluster.create("hello").await?;
    cluster.wait_idle(first.session.id).await?;
    let page = cluster.client()?.sessions(&SessionsQuery::default()).await?;
    ensure!(page.items.len() == 1, "the list has {}", page.items.len());

    let away = cluster.create("hello").await?;
    let list = cluster.record(Topic::List, page.pos)?;
    let id = away.session.id.to_string();
    let told = |f: &convene_api::frame::ListFrame| f.data.get().contains(&id);
    list.wait("it is told of what it missed", |seen| seen.frames.iter().any(told)).await?;
    let known = first.session.id.to_string();
    ensure!(
        list.seen().frames.iter().all(|f| f.pos > page.pos && !f.data.get().contains(&format!("\"id\":\"{known}\""))),
        "it is told again what it knew"
    );
    cluster.wait_idle(away.session.id).await?;
    cluster.end().await
}

#[tokio::test]
async fn a_permission_is_answered_once() -> Result<()> {
    let cluster = cluster().start().await?;
    let created = cluster.create("PERM").await?;
    let id = created.session.id;
    let view = cluster.wait_session(id, "it asks", |s| !s.pending_permissions.is_empty()).await?;
    ensure!(view.needs_you_since.is_some(), "nobody is told that a person is needed");
    let request = &view.pending_permissions[0];
    ensure!(request.options.len() == 4, "the options are {:?}", request.options);

    let client = cluster.client()?;
    let allow = DecidePermission { decision: Some(DecisionInput::AllowOnce), ..DecidePermission::default() };
    let decided = client.decide(id, request.request, &allow, &CommandKey::fresh()).await?;
    ensure!(decided.session.pending_permissions.is_empty(), "it still waits");

    let reject = DecidePermission { decision: Some(DecisionInput::RejectOnce), ..DecidePermission::default() };
    match client.decide(id, request.request, &reject, &CommandKey::fresh()).await {
        Err(ClientError::Problem(problem)) => {
            ensure!(problem.code == Code::PermissionAlreadyDecided, "it is refused by {}", problem.code);
            ensure!(problem.http_status() == 409, "its status is {}", problem.http_status());
        }
        other => panic!("the second answer got {other:?}"),
    }
    let view = cluster.wait_idle(id).await?;
    let turn = view.last_turn.context("no turn has ended")?;
    ensure!(cluster.log(id).await?.text(turn.id) == "chose allow_once", "the agent heard something else");
    cluster.end().await
}

#[tokio::test]
async fn of_many_who_answer_at_once_one_decides() -> Result<()> {
    let cluster = cluster().start().await?;
    let created = cluster.create("PERM").await?;
    let id = created.session.id;
    let view = cluster.wait_session(id, "it asks", |s| !s.pending_permissions.is_empty()).await?;
    let request = view.pending_permissions[0].request;
    let client = cluster.client()?;
    let decisions = [DecisionInput::AllowOnce, DecisionInput::RejectOnce].repeat(5);
    let answers = decisions.into_iter().map(|decision| {
        let client = client.clone();
        async move {
            let body = DecidePermission { decision: Some(decision), ..DecidePermission::default() };
            (decision, client.decide(id, request, &body, &CommandKey::fresh()).await)
        }
    });
    let mut won = Vec::new();
    for (decision, answer) in futures_util::future::join_all(answers).await {
        match answer {
            Ok(_) => won.push(decision),
            Err(ClientError::Problem(problem)) => {
                ensure!(problem.code == Code::PermissionAlreadyDecided, "{problem:?}");
            }
            Err(error) => return Err(error.into()),
        }
    }
    let [decision] = won[..] else { panic!("{won:?} decided") };
    let view = cluster.wait_idle(id).await?;
    let turn = view.last_turn.context("no turn has ended")?;
    let chosen = if decision == DecisionInput::AllowOnce { "chose allow_once" } else { "chose reject_once" };
    let log = cluster.log(id).await?;
    ensure!(log.text(turn.id) == chosen, "the agent heard {:?}, won had {chosen:?}", log.text(turn.id));
    ensure!(log.count("permission_decided") == 1, "it was decided {} times", log.count("permission_decided"));
    cluster.end().await
}

#[tokio::test]
async fn a_cancelled_turn_ends_and_the_next_one_runs() -> Result<()> {
    let cluster = cluster().start().await?;
    let created = cluster.create("SLOW").await?;
    let id = created.session.id;
    let events = cluster.record(Topic::Session(id), created.cursor.seq)?;
    events.wait_text("w5 ").await?;
    let queued = cluster.prompt(id, "after it").await?;
    ensure!(queued.status == PromptStatus::Queued, "a prompt to a busy session is {:?}", queued.status);
    ensure!(queued.position == Some(1), "its place is {:?}", queued.position);
    cluster.client()?.cancel(id, &CancelTurn::default(), &CommandKey::fresh()).await?;
    cluster.wait_session(id, "the next turn ended", |s| s.last_turn.as_ref().is_some_and(|t| t.number == 2)).await?;
    let log = cluster.log(id).await?;
    let first = log.first("turn_started").and_then(|e| e.data.turn).context("no turn has started")?;
    ensure!(matches!(log.ends(first)[..], [(StopReason::Cancelled, _)]), "it ended by {:?}", log.ends(first));
    ensure!(log.text(queued.turn) == "echo: after it", "the next turn said {:?}", log.text(queued.turn));
    cluster.end().await
}

#[tokio::test]
async fn a_stop_is_verified_and_a_prompt_takes_the_session_up_again() -> Result<()> {
    let cluster = cluster().fake(&["--ignore-sigterm", "--ignore-eof"]).start().await?;
    let created = cluster.create("DAEMON\nHANG").await?;
    let id = created.session.id;
    let events = cluster.record(Topic::Session(id), created.cursor.seq)?;
    events.wait_text("daemons ").await?;
    ensure!(cluster.attempt_processes().len() >= 7, "running are {:#?}", cluster.attempt_processes());

    cluster.client()?.stop(id, &StopSession::default(), &CommandKey::fresh()).await?;
    let view = cluster.wait_session(id, "it is stopped", |s| s.state == "stopped").await?;
    ensure!(view.stop_cause == Some(StopCause::UserRequested), "the cause is {:?}", view.stop_cause);
    ensure!(view.stop_verified == Some(true), "nothing is proved");
    ensure!(cluster.attempt_processes().is_empty(), "left are {:#?}", cluster.attempt_processes());

    cluster.prompt(id, "hello").await?;
    let view = cluster.wait_idle(id).await?;
    ensure!(view.attempt == 2, "it has attempt {}", view.attempt);
    cluster.end().await
}

#[tokio::test]
async fn a_restart_finds_the_whole_session_again() -> Result<()> {
    let mut cluster = cluster().start().await?;
    let created = cluster.create("THINK 3\nPLAN\nTOOL\nDIFF\nSTREAM 50").await?;
    let id = created.session.id;
    let before = cluster.wait_idle(id).await?;
    let log = cluster.log(id).await?;

    cluster.kill_server()?;
    cluster.start_server().await?;
    let after = cluster.session(id).await?;
    ensure!(after == before, "before the restart it was {before:#?}, after it {after:#?}");
    let again = cluster.log(id).await?;
    ensure!(
        log.events.iter().map(|e| &e.json).eq(again.events.iter().map(|e| &e.json).take(log.events.len())),
        "the log is another one"
    );

    // The agent was not touched: the same attempt takes the next prompt.
    cluster.prompt(id, "still there?").await?;
    let view = cluster
        .wait_session(id, "the next turn ended", |s| s.last_turn.as_ref().is_some_and(|t| t.number == 2))
        .await?;
    ensure!(view.attempt == 1, "it has attempt {}", view.attempt);
    cluster.end().await
}

#[tokio::test]
async fn a_one_shot_session_is_over_with_its_turn() -> Result<()> {
    let cluster = cluster().start().await?;
    let mut body = cluster.session_of("fake", "hello");
    body.on_turn_end = Some(convene_core::spec::OnTurnEnd::Stop);
    let created = cluster.client()?.create_session(&body, &CommandKey::fresh()).await?;
    let view = cluster.wait_session(created.session.id, "it is stopped", |s| s.state == "stopped").await?;
    ensure!(view.stop_cause == Some(StopCause::Completed), "the cause is {:?}", view.stop_cause);
    ensure!(view.stop_verified == Some(true), "nothing is proved");
    wait_until("its processes are gone", PATIENCE, async || Ok(cluster.attempt_processes().is_empty())).await?;
    cluster.end().await
}

#[tokio::test]
async fn a_turn_that_takes_too_long_ends_by_its_timeout() -> Result<()> {
    let cluster = cluster().start().await?;
    let mut body = cluster.session_of("fake", "SLOW");
    body.timeout = Some(1);
    let created = cluster.client()?.create_session(&body, &CommandKey::fresh()).await?;
    let over = |s: &convene_core::view::SessionView| s.last_turn.is_some();
    let view = cluster.wait_session(created.session.id, "its turn is over", over).await?;
    let turn = view.last_turn.context("no turn has ended")?;
    ensure!(turn.stop_reason == StopReason::Timeout, "it ended by {:?}", turn.stop_reason);
    ensure!(Duration::from_millis(turn.duration_ms) < PATIENCE, "it took {} ms", turn.duration_ms);
    cluster.end().await
}
