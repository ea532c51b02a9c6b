//! `convene attach`, `queue`, `set` and `prompt --retry`: a person speaks to a session that goes on.

mod common;

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use common::*;
use convene_core::{ids::SessionId, view::SessionView};
use convene_testkit::{
    cluster::{Cluster, PATIENCE, wait_until},
    terminal::Terminal,
};

/// A session that had a turn, and a terminal that is attached to it.
async fn attached(cluster: &Cluster, prompt: &str, more: &[&str]) -> Result<(SessionId, Terminal)> {
    let id = cluster.create(prompt).await?.session.id;
    let short = id.short();
    let mut args = vec!["attach", &short];
    args.extend(more);
    let mut terminal = terminal(cluster, &args)?;
    terminal.wait_for(&format!("session {short}")).await?;
    Ok((id, terminal))
}

async fn wait_queue(cluster: &Cluster, id: SessionId, length: usize) -> Result<SessionView> {
    cluster.wait_session(id, "the queue has its length", |s| s.queue_length == length).await
}

#[tokio::test]
async fn prompts_are_typed_and_wait_while_it_is_busy() -> Result<()> {
    let cluster = cluster().start().await?;
    let (id, mut terminal) = attached(&cluster, "first", &[]).await?;
    // The last turn first, then what is typed.
    terminal.wait_for("> first").await?;
    terminal.wait_for("echo: first").await?;
    terminal.wait_for("turn 1 done").await?;
    terminal.keys("hello there\r")?;
    terminal.wait_for("echo: hello there").await?;
    terminal.keys("SLOW\r")?;
    terminal.wait_for("w5 ").await?;
    for (n, text) in ["one", "two", "three"].iter().enumerate() {
        terminal.keys(&format!("{text}\r"))?;
        terminal.wait_for(&format!("queued at position {} (turn 3 is running)", n + 1)).await?;
    }
    // A typed line stays whole while the agent speaks.
    terminal.keys("not sent")?;
    terminal.wait_until("it is seen", |t| t.screen().lines().last().unwrap_or_default().contains("> not sent")).await?;
    terminal.keys("\x03")?;
    terminal.wait_until("it is gone", |t| !t.screen().contains("not sent")).await?;
    terminal.keys("/queue promote 3\r")?;
    terminal.wait_for("entry 3 goes first").await?;
    terminal.keys("/queue drop 3\r")?;
    terminal.wait_for("dropped entry 3").await?;
    terminal.keys("/queue edit 2 uno\r")?;
    terminal.wait_for("changed entry 2").await?;
    terminal.keys("/queue\r")?;
    terminal.wait_for("1  three  (").await?;
    terminal.wait_for("2  uno  (").await?;
    terminal.keys("/steer left\r")?;
    terminal.wait_for("steer_unsupported: fake cannot be steered").await?;
    // What was refused is there again; Ctrl-C clears it and nothing else.
    terminal.wait_until("it came back", |t| t.screen().contains("> /steer left")).await?;
    terminal.keys("\x03")?;
    terminal.wait_until("it is gone", |t| !t.screen().contains("> /steer left")).await?;
    terminal.keys("/cancel\r")?;
    terminal.wait_for("turn 3 cancelled").await?;
    terminal.wait_for("echo: three").await?;
    terminal.wait_for("echo: uno").await?;
    terminal.wait_for("turn 5 done").await?;
    terminal.keys("\x04")?;
    ensure!(terminal.end().await? == 0, "it ended otherwise:\n{}", terminal.history());
    let history = terminal.history();
    let view = cluster.session(id).await?;
    ensure!(history.contains(&format!("left session {}, which is idle", view.short_id)), "it shows:\n{history}");
    ensure!(!history.contains("echo: two"), "what was dropped was said:\n{history}");
    ensure!(cluster.receipts()?.len() == 5, "the agent had {:?}", cluster.receipts()?);
    cluster.end().await
}

#[tokio::test]
async fn questions_go_before_what_is_typed() -> Result<()> {
    let cluster = cluster().start().await?;
    let (_, mut terminal) = attached(&cluster, "PAUSE 6000\nPERM", &[]).await?;
    terminal.keys("next, ")?;
    terminal.wait_until("it is seen", |t| t.screen().contains("> next,")).await?;
    terminal.wait_for("asks to run a command").await?;
    // The question has the keys now; what was typed before decides nothing.
    let said = "\"9\" is none of 1 to 4";
    wait_until("it hears", PATIENCE, async || {
        terminal.keys("9\r")?;
        let _ =
            wait_until("it says so", Duration::from_millis(300), async || Ok(terminal.history().contains(said))).await;
        Ok(terminal.history().contains(said))
    })
    .await?;
    terminal.keys("y\r")?;
    terminal.wait_for("- allowed once by you: Do something").await?;
    terminal.wait_for("turn 1 done").await?;
    // And what was typed is still there.
    terminal.keys("please\r")?;
    terminal.wait_for("echo: next, please").await?;
    terminal.keys("/detach\r")?;
    ensure!(terminal.end().await? == 0, "it ended otherwise:\n{}", terminal.history());
    cluster.end().await
}

#[tokio::test]
async fn it_sets_and_helps_and_says_what_it_does_not_know() -> Result<()> {
    let cluster = cluster().start().await?;
    let (id, mut terminal) = attached(&cluster, "first", &[]).await?;
    terminal.wait_for("turn 1 done").await?;
    terminal.keys("/help\r")?;
    terminal.wait_for("/steer TEXT").await?;
    terminal.keys("/set mode=code title=my cart\r")?;
    terminal.wait_for("mode: ask → code").await?;
    terminal.wait_for("title: first → my cart").await?;
    terminal.keys("/cancle\r")?;
    terminal.wait_for("did you mean /cancel?").await?;
    terminal.keys("\x15/cancel\r")?;
    terminal.wait_for("nothing_running").await?;
    // The arrow brings back what was sent, and a word in the middle can be changed.
    terminal.keys("one three\x1bb\x17two \r")?;
    terminal.wait_for("echo: two three").await?;
    terminal.keys("\x1b[A\x1b[H\x1b[3~\x1b[3~\x1b[3~too\r")?;
    terminal.wait_for("echo: too three").await?;
    terminal.keys("\x03")?;
    ensure!(terminal.end().await? == 130, "it ended otherwise:\n{}", terminal.history());
    let view = cluster.session(id).await?;
    ensure!(view.title == "my cart" && view.state == "idle", "it is {view:?}");
    cluster.end().await
}

#[tokio::test]
async fn ctrl_c_cancels_the_turn_and_who_only_looks_cancels_nothing() -> Result<()> {
    let cluster = cluster().start().await?;
    let (id, mut looks) = attached(&cluster, "SLOW", &["--read-only"]).await?;
    looks.wait_for("w5 ").await?;
    looks.keys("hello\r\x03")?;
    ensure!(looks.end().await? == 130, "it ended otherwise:\n{}", looks.history());
    let view = cluster.session(id).await?;
    ensure!(view.turn.as_ref().is_some_and(|turn| turn.cancelled_by.is_none()), "its turn was cancelled");
    ensure!(view.queue_length == 0, "what was typed was sent");

    let mut once = terminal(&cluster, &["attach", &view.short_id, "--once"])?;
    let mut speaks = terminal(&cluster, &["attach", &view.short_id])?;
    once.wait_for("w20 ").await?;
    speaks.wait_for("w20 ").await?;
    speaks.keys("\x03")?;
    ensure!(speaks.end().await? == 130, "it ended otherwise:\n{}", speaks.history());
    // The other one ends as its turn did: somebody else cancelled it.
    ensure!(once.end().await? == 3, "it ended otherwise:\n{}", once.history());
    ensure!(once.history().contains("cancelled (exit 3)"), "it shows:\n{}", once.history());
    ensure!(cluster.session(id).await?.state == "idle", "it is {:?}", cluster.session(id).await?);
    cluster.end().await
}

#[tokio::test]
async fn without_a_terminal_it_follows() -> Result<()> {
    let cluster = cluster().start().await?;
    let id = cluster.create("first").await?.session.id;
    cluster.wait_idle(id).await?;
    // A turn that is over is shown, and counts.
    let said = run(&cluster, &["attach", &id.short(), "--once"]).await?;
    ensure!(said.code == Some(0) && said.stdout.contains("> first\necho: first\n"), "it is {said:?}");
    ensure!(!said.stdout.contains('\x1b'), "it is {said:?}");
    let failed = cluster.create("FAIL -32603").await?.session.id;
    cluster.wait_session(failed, "it has failed", |s| s.last_turn.is_some()).await?;
    run(&cluster, &["attach", &failed.short(), "--once"]).await?.is(5, "error[")?;
    // One that runs is followed to its end; an answer comes from elsewhere.
    let asking = cluster.create("PERM").await?.session.id;
    let running = Running::start(&cluster, &["attach", &asking.short(), "--once"])?;
    asks(&cluster, asking).await?;
    run(&cluster, &["approve", &asking.short()]).await?.is(0, "allowed once")?;
    let said: Said = running.end().await?.into();
    ensure!(said.code == Some(0) && said.stdout.contains("chose allow_once"), "it is {said:?}");
    // As events, one a line.
    let said = run(&cluster, &["attach", &id.short(), "--once", "--json"]).await?;
    let last: serde_json::Value = serde_json::from_str(said.stdout.lines().last().context("no line")?)?;
    ensure!(last["type"] == "turn_ended", "the last line is {last}");
    // What is put away takes no prompts.
    run(&cluster, &["stop", &id.short()]).await?.is(0, "stopped")?;
    run(&cluster, &["archive", &id.short()]).await?.is(0, "archived")?;
    run(&cluster, &["attach", &id.short()]).await?.is(1, "error[session_archived]")?;
    run(&cluster, &["attach", "zzzzzz"]).await?.is(1, "error[session_not_found]")?;
    cluster.end().await
}

#[tokio::test]
async fn words_alone_do_where_there_is_no_live_row() -> Result<()> {
    let cluster = cluster().start().await?;
    let id = cluster.create("first").await?.session.id;
    cluster.wait_idle(id).await?;
    let mut terminal = terminal_with(&cluster, &["attach", &id.short(), "--plain"], &[("NO_COLOR", "1")])?;
    terminal.wait_for("note: turn 1 done").await?;
    terminal.wait_until("it waits for a line", |t| t.history().ends_with('>')).await?;
    terminal.keys("hello\r")?;
    terminal.wait_for("echo: hello").await?;
    terminal.wait_for("note: turn 2 done").await?;
    terminal.wait_until("it waits for a line", |t| t.history().ends_with('>')).await?;
    terminal.keys("\x04")?;
    ensure!(terminal.end().await? == 0, "it ended otherwise:\n{}", terminal.history());
    ensure!(!terminal.raw().contains(&0x1b), "it wrote an escape sequence");
    cluster.end().await
}

#[tokio::test]
async fn the_queue_is_changed_by_commands() -> Result<()> {
    let cluster = cluster().start().await?;
    let id = cluster.create("SLOW").await?.session.id;
    cluster.wait_session(id, "it runs", |s| s.state == "running").await?;
    let short = id.short();
    run(&cluster, &["prompt", &short, "one"]).await?.is(0, "queued at position 1 (turn 1 is running)")?;
    run(&cluster, &["prompt", &short, "--queue", "two"]).await?.is(0, "queued at position 2 (turn 1 is running)")?;
    run(&cluster, &["prompt", &short, "three"]).await?.is(0, "queued at position 3")?;
    run(&cluster, &["prompt", &short, "--steer", "x"]).await?.is(1, "error[steer_unsupported]")?;
    run(&cluster, &["queue", &short, "promote", "3"]).await?.is(0, "entry 3 goes first")?;
    run(&cluster, &["queue", &short, "promote", "1"]).await?.is(0, "entry 1 is first already")?;
    run(&cluster, &["queue", &short, "edit", "2", "uno"]).await?.is(0, "changed entry 2")?;
    run(&cluster, &["queue", &short, "drop", "3"]).await?.is(0, "dropped entry 3")?;
    run(&cluster, &["queue", &short, "drop", "9"]).await?.is(1, "error[queue_entry_not_found]")?;
    let listed = run(&cluster, &["queue", &short]).await?;
    let rows: Vec<&str> = listed.stdout.lines().filter_map(|line| line.split('\t').nth(2)).collect();
    ensure!(rows == ["three", "uno"], "it lists {listed:?}");
    run(&cluster, &["cancel", &short]).await?.is(0, "cancelling turn 1")?;
    wait_queue(&cluster, id, 0).await?;
    cluster.wait_idle(id).await?;
    ensure!(cluster.receipts()? == ["SLOW", "three", "uno"], "the agent had {:?}", cluster.receipts()?);
    cluster.end().await
}

#[tokio::test]
async fn set_says_what_became_of_it() -> Result<()> {
    let cluster = cluster().start().await?;
    let id = cluster.create("first").await?.session.id;
    cluster.wait_idle(id).await?;
    let short = id.short();
    let set = async |pairs: &[&str]| run(&cluster, &[&["set", &short], pairs].concat()).await;
    set(&["mode=code"]).await?.is(0, "mode: ask → code\n")?;
    set(&["mode=code"]).await?.is(0, "mode is code already")?;
    set(&["title=my cart", "permissions=reads", "labels.team=shop", "timeout=30m"])
        .await?
        .is(0, "title: first → my cart\npermissions: ask → reads\nlabels.team: none → shop\ntimeout: 30:00\n")?;
    set(&["labels.team="]).await?.is(0, "labels.team: shop → none")?;
    set(&["mode=cod"]).await?.is(2, "it does not take cod")?;
    set(&["modle=x"])
        .await?
        .is(2, "error[config_option_unknown]: fake has no option modle\n  hint: did you mean mode")?;
    set(&["permissions=some"])
        .await?
        .is(2, "error[invalid_request]: permissions: deny, ask, reads or all is wanted")?;
    set(&["title=a", "title=b"]).await?.is(2, "title: it is given twice")?;
    set(&["title"]).await?.is(2, "error[invalid_request]")?;
    let view = cluster.session(id).await?;
    ensure!(view.title == "my cart" && view.labels.is_empty(), "it is {view:?}");
    let shown = run(&cluster, &["show", &short]).await?;
    ensure!(shown.stdout.contains("mode    code (or ask)"), "it shows {}", shown.stdout);
    // While a turn runs, and while there is no agent.
    cluster.prompt(id, "SLOW").await?;
    cluster.wait_session(id, "it runs", |s| s.state == "running").await?;
    set(&["mode=ask"]).await?.is(0, "mode: code → ask (takes effect at the next turn)")?;
    run(&cluster, &["stop", "--now", &short]).await?.is(0, "stopped")?;
    set(&["mode=code"]).await?.is(0, "(takes effect when the agent starts)")?;
    cluster.prompt(id, "again").await?;
    let view = cluster.wait_session(id, "it has the mode", |s| s.state == "idle" && s.queue_length == 0).await?;
    ensure!(view.config_options.iter().any(|o| o.is_named("mode") && o.value == "code"), "it is {view:?}");
    cluster.end().await
}

#[tokio::test]
async fn a_prompt_that_failed_is_sent_again() -> Result<()> {
    let cluster = cluster().start().await?;
    let id = cluster.create("hello").await?.session.id;
    cluster.wait_idle(id).await?;
    let short = id.short();
    run(&cluster, &["prompt", &short, "--retry"]).await?.is(1, "turn 1 of")?;
    run(&cluster, &["prompt", &short, "--retry", "text"]).await?.is(2, "error[invalid_request]")?;
    run(&cluster, &["prompt", &short, "FAIL -32603", "--watch"]).await?.is(5, "error[")?;
    run(&cluster, &["prompt", &short, "--retry", "--watch"]).await?.is(5, "sending the prompt of turn 2 again")?;
    run(&cluster, &["prompt", &short, "EXIT 3", "--watch"]).await?.is(5, "interrupted, outcome unknown")?;
    run(&cluster, &["prompt", &short, "--retry", "--watch"])
        .await?
        .is(5, "its outcome is unknown, it may have acted")?;
    let receipts = cluster.receipts()?;
    ensure!(receipts == ["hello", "FAIL -32603", "FAIL -32603", "EXIT 3", "EXIT 3"], "the agent had {receipts:?}");
    cluster.end().await
}
