//! The command line in pipes: what is on standard output is the result and nothing else, what is on standard input is
//! read only where it was asked for, and the exit code is the log's.

mod common;

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::Stdio,
    time::Instant,
};

use anyhow::{Context as _, Result, ensure};
use common::*;
use convene_testkit::cluster::{PATIENCE, wait_until};
use serde_json::Value;

#[tokio::test]
async fn each_event_comes_as_it_happens() -> Result<()> {
    let cluster = cluster().start().await?;
    let mut running = Running::start(&cluster, &run_args("STREAM 1\nPERM\nSTREAM 1", &["--json"]))?;
    let stdout = running.child.stdout.take().context("no stdout")?;
    // Unbounded: a handful of lines.
    let (send, lines) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                return;
            }
        }
    });
    let mut seen: Vec<Value> = Vec::new();
    let mut wait_for = async |tag: &str, count: usize| -> Result<bool> {
        wait_until(tag, PATIENCE, async || {
            while let Ok(line) = lines.try_recv() {
                seen.push(serde_json::from_str(&line).context("a line is no JSON")?);
            }
            Ok(seen.iter().filter(|event| event["type"] == tag).count() >= count)
        })
        .await?;
        Ok(seen.iter().any(|event| event["type"] == "turn_ended"))
    };
    // The first word and the question are there while the turn waits for its answer, and the second word is not said yet.
    ensure!(!wait_for("message_appended", 1).await?, "it came with the end");
    ensure!(!wait_for("permission_requested", 1).await?, "it came with the end");
    let id = newest(&cluster, &[]).await?;
    run(&cluster, &["approve", &id.short()]).await?.is(0, "allowed once")?;
    wait_for("message_appended", 2).await?;
    wait_for("turn_ended", 1).await?;
    let said: Said = running.end().await?.into();
    ensure!(said.code == Some(0), "it ended with {said:?}");
    cluster.end().await
}

#[tokio::test]
async fn an_open_pipe_on_standard_input_is_not_read() -> Result<()> {
    let cluster = cluster().start().await?;
    // Nobody writes to it and nobody closes it.
    let mut running = Running::start_with(&cluster, &run_args("hello", &[]), &[], Stdio::piped())?;
    let held = running.child.stdin.take().context("no stdin")?;
    let said: Said = running.end().await?.into();
    ensure!(said.code == Some(0) && said.stdout == "echo: hello\n", "it ended with {said:?}");
    drop(held);
    cluster.end().await
}

#[tokio::test]
async fn a_prompt_on_standard_input_is_read_to_its_end_and_checked() -> Result<()> {
    let cluster = cluster().start().await?;
    let args = run_args("-", &[]);
    let said = run_with_input(&cluster, &args, b"hello\nworld\n".to_vec()).await?;
    ensure!(said.code == Some(0) && said.stdout == "echo: helloecho: world\n", "it ended with {said:?}");
    run_with_input(&cluster, &args, vec![b'x'; 10_000_000])
        .await?
        .is(2, "error[prompt_too_large]: prompt is 10.0 MB")?;
    run_with_input(&cluster, &args, b"abc\xff".to_vec()).await?.is(2, "error[prompt_not_text]")?;
    run_with_input(&cluster, &args, b" \n".to_vec()).await?.is(2, "error[prompt_empty]")?;
    run(&cluster, &args).await?.is(2, "error[prompt_empty]")?;
    let sessions = cluster.client()?.sessions(&Default::default()).await?;
    ensure!(sessions.items.len() == 1, "a prompt that was refused has made a session");
    cluster.end().await
}

#[tokio::test]
async fn the_result_is_all_of_standard_output() -> Result<()> {
    let cluster = cluster().start().await?;
    let answer = "# Title\n\n* **one**\n* two\n";
    let prompt = ["THINK 2", "TOOL", &says("first thoughts"), "DIFF", &says(answer)].join("\n");
    let said = run(&cluster, &run_args(&prompt, &[])).await?;
    ensure!(said.code == Some(0), "it ended with {said:?}");
    let id = newest(&cluster, &[]).await?;
    let result = cluster.session(id).await?.result.context("no result")?;
    ensure!(said.stdout.trim_end_matches('\n') == result.trim_end_matches('\n'), "{:?} is not {result:?}", said.stdout);
    ensure!(said.stdout.ends_with("* two\n") && !said.stdout.contains('\x1b'), "it printed {:?}", said.stdout);
    for part in ["convene: run ls -l: done", "convene: edit /tmp/a.txt: done, +2 -1", "convene: turn done"] {
        ensure!(said.stderr.contains(part), "{part:?} is not in {}", said.stderr);
    }
    ensure!(said.stderr.lines().all(|line| line.starts_with("convene: ")), "it says {}", said.stderr);
    cluster.end().await
}

#[tokio::test]
async fn every_end_has_its_exit_code() -> Result<()> {
    let cluster = cluster().fake_as("stubborn", &["--exit-at-start", "3"]).start().await?;
    let failed = update(serde_json::json!({
        "sessionUpdate": "tool_call", "toolCallId": "t", "title": "try", "kind": "execute", "status": "failed",
    }));
    let recovered = format!("{failed}\nTOOL\n{}", says("found another way"));
    let done_after = format!("{}\nTOOL", asks_to_run("git push", &["allow_once", "reject_once"]));
    for (prompt, more, code, part) in [
        ("hello", &[][..], 0, "turn done"),
        ("END max_tokens", &[], 3, "token limit"),
        ("END max_turn_requests", &[], 3, "request limit"),
        ("END refusal", &[], 3, "refused"),
        ("FAIL -32603", &[], 5, "error["),
        ("EXIT 7", &[], 5, "error["),
        ("CRASH", &[], 5, "error["),
        // Denied and gave up; denied, and then something was done after all.
        ("PERM", &["--permissions", "deny"], 4, "ended on a rejection"),
        (&done_after, &["--permissions", "deny"], 0, "turn done"),
        // What failed on the way is not the end.
        (&recovered, &[], 0, "turn done"),
        ("SLOW", &["--timeout", "1s"], 3, "error[turn_timeout]"),
    ] {
        let said = run(&cluster, &run_args(prompt, more)).await?;
        ensure!(said.code == Some(code) && said.stderr.contains(part), "{prompt} {more:?}: {said:?}");
    }
    run(&cluster, &["run", "-a", "stubborn", "hello"]).await?.is(5, "error[agent_exited_early]")?;
    run(&cluster, &["run", "-a", "fkae", "hello"]).await?.is(2, "did you mean")?;
    run(&cluster, &["run", "--no-such-flag", "hello"]).await?.is(2, "error[invalid_request]")?;
    run(&cluster, &["run", "-C", "/no/such/place", "hello"]).await?.is(2, "error[cwd_missing]")?;
    cluster.end().await
}

#[tokio::test]
async fn with_nobody_to_ask_it_ends_at_once_or_waits_for_another_terminal() -> Result<()> {
    let cluster = cluster().start().await?;
    for (env, more) in [(&[("CI", "1")][..], &[][..]), (&[], &["--no-input"]), (&[], &["--ask", "reject"])] {
        let running = Running::start_with(&cluster, &run_args("PERM", more), env, Stdio::null())?;
        let started = Instant::now();
        let said: Said = running.end().await?.into();
        said.is(4, "[permission_unanswered]")?;
        for flag in ["--permissions", "--ask"] {
            ensure!(said.stderr.contains(flag), "{flag} is not named: {}", said.stderr);
        }
        let log = cluster.log(newest(&cluster, &[]).await?).await?;
        let asked = log.first("permission_requested").context("it did not ask")?.at;
        let ended = log.first("turn_ended").context("it did not end")?.at;
        let took = ended.as_millisecond() - asked.as_millisecond();
        println!("{env:?} {more:?}: ended {took} ms after the question, {:?} after the start", started.elapsed());
        // Nobody waits for an answer, which a question does for minutes.
        ensure!(took < 30_000, "it took {took} ms");
    }
    // In a pipe it names the command that answers, another process runs that, and the turn goes on.
    let known: Vec<_> = cluster.client()?.sessions(&Default::default()).await?.items.iter().map(|s| s.id).collect();
    let mut running = Running::start(&cluster, &run_args("PERM\nhello", &[]))?;
    let mut stderr = BufReader::new(running.child.stderr.take().context("no stderr")?);
    let command = tokio::task::spawn_blocking(move || -> Result<String> {
        loop {
            let mut line = String::new();
            ensure!(stderr.read_line(&mut line)? > 0, "it never asked");
            if let Some((_, command)) = line.split_once("Answer: convene ") {
                // Whoever stops reading must not end it.
                std::thread::spawn(move || drop(stderr.read_to_end(&mut Vec::new())));
                return Ok(command.split(" (").next().unwrap_or_default().to_owned());
            }
        }
    })
    .await??;
    let words: Vec<&str> = command.split_whitespace().collect();
    run(&cluster, &words).await?.is(0, "allowed once: Do something")?;
    let said: Said = running.end().await?.into();
    ensure!(said.code == Some(0) && said.stdout == "echo: hello\n", "it ended with {said:?}");
    ensure!(known.len() == 3, "there were {} sessions", known.len());
    cluster.end().await
}

#[tokio::test]
async fn a_reader_that_goes_away_is_nobody_s_fault() -> Result<()> {
    let cluster = cluster().start().await?;
    run(&cluster, &run_args("STREAM 5000\nTOOL", &[])).await?.is(0, "turn done")?;
    let id = newest(&cluster, &[]).await?.short();
    let endless = run_args("SLOW", &["--json"]);
    for args in [&["logs", &id, "--json"][..], &["logs", &id], &endless] {
        let mut running = Running::start(&cluster, args)?;
        let mut stdout = BufReader::new(running.child.stdout.take().context("no stdout")?);
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        drop(stdout);
        let said: Said = running.end().await?.into();
        // A short text may be out before the pipe is closed.
        ensure!(said.code == Some(141) || (args.len() < 4 && said.code == Some(0)), "{args:?}: {said:?}");
        ensure!(said.stderr.is_empty() || args == endless, "{args:?}: {said:?}");
    }
    // The turn whose watcher went away goes on.
    let id = newest(&cluster, &[]).await?;
    let view = cluster.wait_session(id, "its turn runs", |s| s.turn.is_some()).await?;
    let before = view.seq;
    let view = cluster.wait_session(id, "it goes on", |s| s.seq > before + 5).await?;
    ensure!(view.turn.is_some_and(|turn| turn.cancelled_by.is_none()), "its turn was cancelled");
    cluster.end().await
}

#[tokio::test]
async fn logs_take_a_turn_by_its_number_and_types() -> Result<()> {
    let cluster = cluster().start().await?;
    run(&cluster, &run_args("first\nTOOL", &[])).await?.is(0, "turn done")?;
    let id = newest(&cluster, &[]).await?.short();
    run(&cluster, &["prompt", &id, "second", "--watch"]).await?.is(0, "turn done")?;
    let both = run(&cluster, &["logs", &id]).await?;
    ensure!(both.stdout.contains("echo: first") && both.stdout.contains("echo: second"), "it is {both:?}");
    let second = run(&cluster, &["logs", &id, "--turn", "2"]).await?;
    ensure!(!second.stdout.contains("echo: first") && second.stdout.contains("echo: second"), "it is {second:?}");
    run(&cluster, &["logs", &id, "--turn", "7"]).await?.is(2, "has 2 turns, none is \"7\"")?;
    let types = run(&cluster, &["logs", &id, "--json", "--type", "turn_started,turn_ended"]).await?;
    ensure!(types.stdout.lines().count() == 4, "it is {types:?}");
    run(&cluster, &["logs", &id, "--type", "turn_startde"]).await?.is(2, "turn_started")?;
    cluster.end().await
}
