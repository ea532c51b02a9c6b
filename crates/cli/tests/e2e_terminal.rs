//! `convene run` in a terminal: what is drawn, which keys decide, how it is left.

mod common;

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use common::*;
use convene_api::{
    body::{DecidePermission, DecisionInput},
    client::CommandKey,
};
use convene_core::ids::SessionId;
use convene_testkit::{
    cluster::{Cluster, PATIENCE, wait_until},
    terminal::Terminal,
};
use rustix::process::Signal;

/// Types a line again and again until it is answered: in its first moments a question hears nothing.
async fn type_until(terminal: &mut Terminal, line: &str, answer: &str) -> Result<()> {
    let before = terminal.history().matches(answer).count();
    let deadline = Instant::now() + PATIENCE;
    while terminal.history().matches(answer).count() == before {
        ensure!(Instant::now() < deadline, "{line:?} is not answered by {answer:?}:\n{}", terminal.history());
        terminal.keys(&format!("{line}\r"))?;
        let until = Instant::now() + Duration::from_millis(300);
        let _ = wait_until("it is answered", Duration::from_millis(300), async || {
            Ok(terminal.history().matches(answer).count() > before || Instant::now() > until)
        })
        .await;
    }
    Ok(())
}

/// Waits until a nine, which is typed again and again, is said to be no answer, or until what was typed before it has
/// decided the question; says how many milliseconds the question had waited then.
async fn nine_is_refused(cluster: &Cluster, terminal: &mut Terminal, id: SessionId) -> Result<Option<i64>> {
    let refusal = "\"9\" is none of 1 to 4";
    let deadline = Instant::now() + PATIENCE;
    while !terminal.history().contains(refusal) {
        ensure!(Instant::now() < deadline, "neither refused nor decided:\n{}", terminal.history());
        let log = cluster.log(id).await?;
        if let Some(decided) = log.first("permission_decided") {
            let asked = log.first("permission_requested").context("nobody asked")?;
            return Ok(Some(decided.at.as_millisecond() - asked.at.as_millisecond()));
        }
        terminal.keys("9\r")?;
        let refused = async || Ok(terminal.history().contains(refusal));
        let _ = wait_until("it is refused", Duration::from_millis(300), refused).await;
    }
    Ok(None)
}

#[tokio::test]
async fn nothing_decides_a_question_but_an_answer_to_it() -> Result<()> {
    /// For so long after it is drawn a question hears nothing, in milliseconds.
    const DEAF: i64 = 500;
    const TRIES: usize = 20;
    let cluster = cluster().start().await?;
    let mut known = Vec::new();
    for _ in 0..TRIES {
        let mut terminal = terminal(&cluster, &run_args("PAUSE 1500\nPERM", &[]))?;
        // Typed ahead, before there is a question; and in its first moments.
        terminal.keys("y\r1\r")?;
        terminal.wait_for("asks to run a command").await?;
        terminal.keys("y\r")?;
        let id = newest(&cluster, &known).await?;
        known.push(id);
        // What is no answer is said to be none, and Enter alone says nothing. Keys are taken in their order, so that the
        // `y` has been taken by then; on a slow machine it may have come too late, and then it was an answer.
        if let Some(after) = nine_is_refused(&cluster, &mut terminal, id).await? {
            ensure!(after >= DEAF, "what was typed at once decided it after {after} ms:\n{}", terminal.history());
            terminal.end().await?;
            continue;
        }
        terminal.keys("\r\r\r")?;
        type_until(&mut terminal, "q", "\"q\" is none of 1 to 4").await?;
        ensure!(cluster.session(id).await?.pending_permissions.len() == 1, "the question was decided");
        terminal.keys("n\r")?;
        ensure!(terminal.end().await? == 4, "it ended otherwise:\n{}", terminal.history());
        let history = terminal.history();
        ensure!(history.contains("- rejected by you: Do something"), "it shows:\n{history}");
        ensure!(history.contains("ended on a rejection (exit 4)"), "it shows:\n{history}");
        return cluster.end().await;
    }
    bail!("nothing was typed in the first moments of {TRIES} questions")
}

#[tokio::test]
async fn y_and_n_never_mean_always() -> Result<()> {
    let cluster = cluster().start().await?;
    let mut known = Vec::new();
    // Whatever the order, `y` is the first that allows once.
    for (kinds, key, said) in [
        (&["allow_always", "reject_always", "allow_once", "reject_once"][..], "y", "chose allow_once"),
        (&["allow_always", "reject_always", "allow_once", "reject_once"][..], "n", "chose reject_once"),
        (&["reject_once", "allow_once"][..], "1", "chose reject_once"),
    ] {
        let prompt = asks_to_run("git push", kinds);
        let mut terminal = terminal(&cluster, &run_args(&prompt, &[]))?;
        let id = newest(&cluster, &known).await?;
        known.push(id);
        terminal.wait_for("asks to run a command").await?;
        type_until(&mut terminal, key, said).await?;
        terminal.end().await?;
    }
    // Where there is none, there is no `y`.
    let prompt = asks_to_run("git push", &["allow_always", "reject_always"]);
    let mut terminal = terminal(&cluster, &run_args(&prompt, &[]))?;
    let id = newest(&cluster, &known).await?;
    terminal.wait_for("asks to run a command").await?;
    for key in ["y", "n"] {
        type_until(&mut terminal, key, &format!("{key:?} is none of 1 to 2")).await?;
    }
    ensure!(cluster.session(id).await?.pending_permissions.len() == 1, "an always was chosen");
    type_until(&mut terminal, "2", "chose reject_always").await?;
    ensure!(terminal.end().await? == 4, "it ended otherwise:\n{}", terminal.history());
    cluster.end().await
}

#[tokio::test]
async fn what_would_be_hidden_is_shown_and_read_before_it_is_allowed() -> Result<()> {
    let cluster = cluster().start().await?;
    let lines: Vec<String> = (1..=300).map(|n| format!("echo line {n}")).collect();
    let command = format!("rm -rf ~ \u{1b}]0;title\u{7}\u{1b}[2K\u{202e}fdp.txt\n{}", lines.join("\n"));
    let prompt = asks_to_run(&command, &["allow_once", "reject_once"]);
    let mut terminal = terminal(&cluster, &run_args(&prompt, &[]))?;
    terminal.wait_for("asks to run a command").await?;
    terminal.wait_for("rm -rf ~ \\x1b]0;title\\x07\\x1b[2K\\u202efdp.txt").await?;
    terminal.wait_for("101 lines below, v shows them").await?;
    type_until(&mut terminal, "y", "there is more to read first: v shows it").await?;
    ensure!(!terminal.history().contains("echo line 300"), "it was shown already");
    terminal.keys("v\r")?;
    terminal.wait_for("echo line 300").await?;
    terminal.keys("y\r")?;
    terminal.wait_for("chose allow_once").await?;
    ensure!(terminal.end().await? == 0, "it ended otherwise:\n{}", terminal.history());
    let history = terminal.history();
    for line in lines {
        ensure!(history.contains(&line), "{line:?} was not shown");
    }
    cluster.end().await
}

#[tokio::test]
async fn an_answer_from_elsewhere_closes_the_question_at_once() -> Result<()> {
    let cluster = cluster().start().await?;
    let prompt = ["PERM"; 5].join("\n");
    let mut terminal = terminal(&cluster, &run_args(&prompt, &[]))?;
    let id = newest(&cluster, &[]).await?;
    let client = cluster.client()?;
    let mut best = Duration::MAX;
    for n in 1..=5 {
        let asked = |t: &Terminal| t.history().matches("asks to run a command").count() == n;
        terminal.wait_until("it asks", asked).await?;
        let view = asks(&cluster, id).await?;
        let body = DecidePermission { option_id: None, decision: Some(DecisionInput::AllowOnce), message: None };
        client.decide(id, view.pending_permissions[0].request, &body, &CommandKey::fresh()).await?;
        let answered = Instant::now();
        terminal
            .wait_until("it says who", |t| t.history().matches("- allowed once by tester: Do something").count() == n)
            .await?;
        best = best.min(answered.elapsed());
    }
    println!("the question closed after {best:?}");
    // The terminal does not look for it now and then: it is told.
    ensure!(best < Duration::from_secs(1), "it took {best:?} at best");
    ensure!(terminal.end().await? == 0, "it ended otherwise:\n{}", terminal.history());
    cluster.end().await
}

#[tokio::test]
async fn a_countdown_ends_in_a_timeout_and_is_that_of_the_configuration() -> Result<()> {
    let cluster = cluster().config("[permissions]\nask_timeout = \"6s\"").start().await?;
    let mut terminal = terminal(&cluster, &run_args("PERM", &[]))?;
    terminal.wait_for("rejects in 0:0").await?;
    let id = newest(&cluster, &[]).await?;
    let view = asks(&cluster, id).await?;
    let asked = &view.pending_permissions[0];
    let expires = asked.expires_at.context("it waits for ever")?;
    ensure!(expires.as_second() - asked.asked_at.as_second() == 6, "it ends at {expires}");
    ensure!(terminal.end().await? == 4, "it ended otherwise:\n{}", terminal.history());
    let history = terminal.history();
    ensure!(history.contains("because nobody answered within "), "it shows:\n{history}");
    ensure!(!history.contains("by you"), "it blames somebody who was not there:\n{history}");
    // In a pipe it is told with the time.
    let said = run(&cluster, &run_args("PERM", &[])).await?;
    said.is(4, "[permission_timed_out]")?;
    ensure!(said.stderr.contains("(rejects in 0:0"), "it says {}", said.stderr);
    cluster.end().await
}

#[tokio::test]
async fn never_waits_for_ever_and_shows_no_countdown() -> Result<()> {
    let cluster = cluster().config("[permissions]\nask_timeout = \"never\"").start().await?;
    let mut terminal = terminal(&cluster, &run_args("PERM", &[]))?;
    terminal.wait_for("v = details").await?;
    ensure!(!terminal.history().contains("rejects in"), "it shows:\n{}", terminal.history());
    let id = newest(&cluster, &[]).await?;
    let view = asks(&cluster, id).await?;
    ensure!(view.pending_permissions[0].expires_at.is_none() && view.ask_timeout == 0, "it is {view:?}");
    type_until(&mut terminal, "y", "chose allow_once").await?;
    ensure!(terminal.end().await? == 0, "it ended otherwise:\n{}", terminal.history());
    cluster.end().await
}

/// A terminal in which a turn runs that goes on until it is cancelled.
async fn slow(cluster: &Cluster, known: &[SessionId]) -> Result<(Terminal, SessionId)> {
    let mut terminal = terminal(cluster, &run_args("SLOW", &[]))?;
    let id = newest(cluster, known).await?;
    terminal.wait_for("w3 ").await?;
    Ok((terminal, id))
}

#[tokio::test]
async fn one_ctrl_c_cancels_and_two_leave() -> Result<()> {
    let cluster = cluster().start().await?;
    let (mut terminal, first) = slow(&cluster, &[]).await?;
    terminal.keys("\x03")?;
    ensure!(terminal.end().await? == 130, "it ended otherwise:\n{}", terminal.history());
    ensure!(cluster.log(first).await?.count("turn_cancel_requested") == 1, "the turn was not cancelled");
    ensure!(terminal.history().contains("cancelled (exit 130)"), "it shows:\n{}", terminal.history());

    // An agent that does not listen: the second one leaves it to itself.
    let mut second = terminal_in(&cluster, "STREAM 3\nHANG")?;
    second.wait_for("w3").await?;
    let id = newest(&cluster, &[first]).await?;
    second.keys("\x03")?;
    second.wait_for("Ctrl-C again leaves it to finish alone").await?;
    cluster.wait_session(id, "it is cancelled", |s| s.turn.as_ref().is_some_and(|t| t.cancelled_by.is_some())).await?;
    second.keys("\x03")?;
    ensure!(second.end().await? == 130, "it ended otherwise:\n{}", second.history());
    let view = cluster.session(id).await?;
    let history = second.history();
    ensure!(history.contains(&format!("left session {}", view.short_id)), "it shows:\n{history}");
    // Whether the answer to the cancel was in is a race; that it goes on is not true in any case.
    ensure!(!history.contains("goes on by itself") && history.contains("cancel"), "it shows:\n{history}");
    ensure!(view.turn.is_some(), "the turn is over: {view:?}");

    // With an answer half typed, only that goes.
    let mut third = terminal_in(&cluster, "PERM")?;
    third.wait_for("asks to run a command").await?;
    let id = newest(&cluster, &[first, id]).await?;
    type_until(&mut third, "9", "is none of 1 to 4").await?;
    third.keys("abc")?;
    third.wait_until("it is typed", |t| t.screen().contains("> abc")).await?;
    third.keys("\x03")?;
    third.wait_until("it is gone", |t| !t.screen().contains("> abc") && t.screen().contains("rejects in")).await?;
    ensure!(cluster.log(id).await?.count("turn_cancel_requested") == 0, "the turn was cancelled");
    third.keys("\x03")?;
    ensure!(third.end().await? == 130, "it ended otherwise:\n{}", third.history());
    cluster.end().await
}

fn terminal_in(cluster: &Cluster, prompt: &str) -> Result<Terminal> {
    terminal(cluster, &run_args(prompt, &[]))
}

#[tokio::test]
async fn a_terminal_that_is_gone_cancels_nothing() -> Result<()> {
    let cluster = cluster().start().await?;
    let (mut terminal, id) = slow(&cluster, &[]).await?;
    terminal.signal(Signal::HUP)?;
    ensure!(terminal.end().await? == 141, "it ended otherwise:\n{}", terminal.history());
    let before = cluster.session(id).await?.seq;
    let view = cluster.wait_session(id, "it goes on", |s| s.seq > before + 5).await?;
    ensure!(view.turn.is_some_and(|turn| turn.cancelled_by.is_none()), "its turn was cancelled");
    // Ctrl-D leaves, too.
    let mut other = terminal_in(&cluster, "SLOW")?;
    let second = newest(&cluster, &[id]).await?;
    other.wait_for("w3 ").await?;
    other.keys("\x04")?;
    ensure!(other.end().await? == 0, "it ended otherwise:\n{}", other.history());
    ensure!(cluster.log(second).await?.count("turn_cancel_requested") == 0, "its turn was cancelled");
    cluster.end().await
}

#[tokio::test]
async fn the_terminal_is_left_as_it_was() -> Result<()> {
    let cluster = cluster().start().await?;
    let mut idle = Terminal::start(&std::process::Command::new("/bin/true"), 80, 24)?;
    idle.end().await?;
    let before = idle.modes()?;
    let mut known = Vec::new();
    for (signal, code) in [(Signal::TERM, Some(143)), (Signal::HUP, Some(141)), (Signal::KILL, None)] {
        let (mut terminal, id) = slow(&cluster, &known).await?;
        known.push(id);
        ensure!(terminal.modes()?.contains("-icanon"), "its modes are as ever: {}", terminal.modes()?);
        terminal.signal(signal)?;
        let ended = terminal.end().await?;
        match code {
            Some(code) => {
                ensure!(ended == code, "{signal:?} ended it with {ended}:\n{}", terminal.history());
                ensure!(terminal.modes()? == before, "{signal:?} left {}", terminal.modes()?);
            }
            // Nobody can restore anything then; but signals and line ends were never off.
            None => {
                let modes = terminal.modes()?;
                let has = |mode: &str| modes.split_whitespace().any(|word| word == mode);
                ensure!(has("isig") && has("opost"), "SIGKILL left {modes}");
            }
        }
    }
    // Ctrl-Z: as before while it is stopped, and taken again afterwards.
    let (mut terminal, _) = slow(&cluster, &known).await?;
    terminal.keys("\x1a")?;
    let pid = terminal.pid()?;
    let stopped = || Ok::<_, anyhow::Error>(std::fs::read_to_string(format!("/proc/{pid}/stat"))?.contains(") T "));
    wait_until("it has stopped", PATIENCE, async || stopped()).await?;
    ensure!(terminal.modes()? == before, "Ctrl-Z left {}", terminal.modes()?);
    let shown = terminal.raw().len();
    terminal.signal(Signal::CONT)?;
    terminal.wait_until("it goes on", |t| t.raw().len() > shown + 50).await?;
    ensure!(terminal.modes()?.contains("-icanon"), "its keys are not its own again: {}", terminal.modes()?);
    terminal.keys("\x03")?;
    ensure!(terminal.end().await? == 130, "it ended otherwise:\n{}", terminal.history());
    ensure!(terminal.modes()? == before, "it left {}", terminal.modes()?);
    cluster.end().await
}

/// The control sequences in what was written, without those that only color.
fn sequences(raw: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(raw);
    let mut found = Vec::new();
    for piece in text.split('\x1b').skip(1) {
        let end = match piece.strip_prefix('[') {
            Some(rest) => 1 + rest.find(|c: char| c.is_ascii_alphabetic() || c == '~').unwrap_or(0),
            None => 0,
        };
        let sequence: String = piece.chars().take(end + 1).collect();
        if !sequence.ends_with('m') {
            found.push(sequence);
        }
    }
    found.sort();
    found.dedup();
    found
}

#[tokio::test]
async fn the_terminal_is_never_asked_nor_taken_over() -> Result<()> {
    let cluster = cluster().start().await?;
    let evil = says("look \u{1b}[?1049h\u{1b}[?1000h\u{1b}[6n\u{1b}]52;c;aGk=\u{7}\u{1b}[?2026$p here\n");
    let paragraph: String = (1..=400).map(|n| format!("word{n} ")).collect();
    let prompt = ["THINK 3", "PLAN", "TOOL", "DIFF", &evil, &says(&paragraph), "PERM"].join("\n");
    let mut terminal = terminal(&cluster, &run_args(&prompt, &[]))?;
    terminal.wait_for("asks to run a command").await?;
    type_until(&mut terminal, "y", "chose allow_once").await?;
    ensure!(terminal.end().await? == 0, "it ended otherwise:\n{}", terminal.history());
    let found = sequences(&terminal.raw());
    ensure!(found.iter().all(|s| ["[?7h", "[?7l", "[J", "[K"].contains(&s.as_str())), "it wrote {found:?}");
    let history = terminal.history();
    ensure!(history.contains("look  here"), "it shows:\n{history}");
    // A paragraph is one line, which the terminal wraps; and no line ends with blanks.
    ensure!(history.contains(paragraph.trim_end()), "it cut the paragraph:\n{history}");
    for line in history.lines() {
        ensure!(line.trim_end() == line, "{line:?} ends with blanks");
    }
    cluster.end().await
}

#[tokio::test]
async fn without_color_nothing_is_written_but_text() -> Result<()> {
    let cluster = cluster().start().await?;
    let prompt = ["PLAN", "TOOL", "DIFF", &says("a **strong** `word`\n"), "STREAM 5 1000"].join("\n");
    for (env, more) in [
        (&[("NO_COLOR", "1")][..], &[][..]),
        (&[("TERM", "dumb")], &[]),
        (&[("ACCESSIBLE", "1"), ("NO_COLOR", "1")], &[]),
        (&[], &["--plain", "--color", "never"]),
    ] {
        let mut terminal = terminal_with(&cluster, &run_args(&prompt, more), env)?;
        ensure!(terminal.end().await? == 0, "it ended otherwise:\n{}", terminal.history());
        let raw = terminal.raw();
        ensure!(!raw.contains(&0x1b), "{env:?} {more:?} wrote {:?}", String::from_utf8_lossy(&raw));
        ensure!(terminal.history().contains("w1 w2 w3 w4 w5"), "it shows:\n{}", terminal.history());
    }
    cluster.end().await
}

/// A number that the kernel keeps of the command.
fn figure(terminal: &Terminal, file: &str, name: &str) -> Result<u64> {
    let text = std::fs::read_to_string(format!("/proc/{}/{file}", terminal.pid()?))?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)).with_context(|| format!("no {name}"))?;
    Ok(line.split_whitespace().next().context("no number")?.parse()?)
}

/// How often the command has written to its terminal; exact to a few, once it has written all that it has to say. Reads
/// of the terminal would not tell: a long write comes in several. The command also wakes itself, by writes of eight bytes
/// each, which are those whose bytes the terminal did not get.
fn writes(terminal: &Terminal) -> Result<u64> {
    let (calls, bytes) = (figure(terminal, "io", "syscw:")?, figure(terminal, "io", "wchar:")?);
    let raw = terminal.raw();
    // The terminal puts one more byte before each end of a line.
    let added = raw.windows(2).filter(|two| two == b"\r\n").count();
    let wakes = bytes.saturating_sub(u64::try_from(raw.len() - added)?) / 8;
    Ok(calls.saturating_sub(wakes))
}

#[tokio::test]
async fn a_flood_is_few_writes_and_no_memory() -> Result<()> {
    let cluster = cluster().start().await?;
    let since = Instant::now();
    // It lives for a while after its last word, so that it can be looked at.
    let mut terminal = terminal(&cluster, &run_args("STREAM 100000\nPAUSE 5000", &[]))?;
    terminal.wait_for("w2000 ").await?;
    let early = figure(&terminal, "status", "VmRSS:")?;
    let whole = |t: &Terminal| t.raw().rchunks(4000).next().is_some_and(|end| end.windows(7).any(|w| w == b"w100000"));
    terminal.wait_until("all of it is there", whole).await?;
    let (writes, took) = (writes(&terminal)?, since.elapsed());
    let late = figure(&terminal, "status", "VmRSS:")?;
    ensure!(terminal.end().await? == 0, "it ended otherwise");
    println!("{early} kB, then {late} kB; {writes} writes in {took:?}");
    ensure!(late < early + 20_000, "it grew from {early} kB to {late} kB");
    // It is meant to write thirty times a second at most.
    ensure!(writes as f64 <= 60.0 * took.as_secs_f64(), "{writes} writes in {took:?}");
    ensure!(writes > 10, "it cannot have been {writes} writes");
    cluster.end().await
}

#[tokio::test]
async fn output_is_bounded_and_the_command_that_shows_it_works() -> Result<()> {
    let cluster = cluster().start().await?;
    let mut terminal = terminal(&cluster, &run_args("OUTPUT 4000000\nOUTPUT 3999900", &[]))?;
    ensure!(terminal.end().await? == 0, "it ended otherwise:\n{}", terminal.history());
    let history = terminal.history();
    ensure!(history.lines().count() < 50, "it shows {} lines", history.lines().count());
    let row = history.lines().find(|l| l.contains("not shown: ")).context("nothing is left out")?;
    ensure!(row.contains("39987 lines not shown"), "it says {row}");
    let command: Vec<&str> =
        row.split("not shown: convene ").nth(1).context("no command")?.split_whitespace().collect();
    let said = run(&cluster, &command).await?;
    ensure!(said.code == Some(0), "{command:?} ended with {said:?}");
    ensure!(said.stdout.lines().filter(|l| l.ends_with("xxxx")).count() == 40_000, "not all of it is shown");
    cluster.end().await
}

#[tokio::test]
async fn the_last_line_names_a_session_that_is_found() -> Result<()> {
    let cluster = cluster().start().await?;
    for (prompt, code) in
        [("hello", 0), ("END refusal", 3), ("END max_tokens", 3), ("FAIL -32603", 5), ("EXIT 1", 5), ("CRASH", 5)]
    {
        let mut terminal = terminal(&cluster, &run_args(prompt, &[]))?;
        ensure!(terminal.end().await? == code, "{prompt} ended otherwise:\n{}", terminal.history());
        let history = terminal.history();
        let last = history.lines().last().unwrap_or_default();
        let id = last.split("convene prompt ").nth(1).and_then(|rest| rest.split_whitespace().next());
        let id = id.with_context(|| format!("{prompt}: the last line is {last:?}"))?;
        let shown = run(&cluster, &["show", id]).await?;
        ensure!(shown.code == Some(0) && shown.stdout.contains(id), "{id} is not found: {shown:?}");
    }
    cluster.end().await
}
