//! The whole product on a disk that fails: the N-th call by which the server, or a keeper or runner, changes its files
//! fails or is its last, and everything comes to a true end all the same.
//!
//! One story has what a session's life has: it is created, prompted, cleared, put to sleep, woken, stopped; another one is
//! deleted. Clients try again under their keys until they have an answer; a server that has ended is started again. The
//! disk itself is `crates/fault-shim`.

use std::{collections::BTreeSet, path::Path, path::PathBuf, process::ExitStatus, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use convene_api::{
    body::{DeleteSession, HibernateSession, PromptInput, SendPrompt, StopSession},
    client::{Client, ClientError, CommandKey},
};
use convene_core::{
    event::StopMode,
    failure::StopReason,
    ids::{SessionId, TurnId},
    view::SessionView,
};
use tokio::time::{Instant, sleep};

use super::truth::{self, Shown};
use crate::{
    cluster::{Cluster, Log, PATIENCE, Recorder, Topic, same},
    faults::{Disk, Hit, Plan},
};

/// The pause before something is tried or looked at again.
const AGAIN: Duration = Duration::from_millis(20);
/// How often a server is started that ends before it is ready.
const STARTS: u64 = 4;

/// Whose calls are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The server with the worker in it: the data directory.
    Server,
    /// Keepers and runners: run directories and spools.
    Runner,
}

impl Who {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Server, Self::Runner];

    /// The word that only their command lines have.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Server => "serve",
            Self::Runner => "runner",
        }
    }
}

/// What came of a story.
#[derive(Debug)]
pub struct Told {
    /// How many calls were counted.
    pub calls: u64,
    /// Those that failed.
    pub hits: Vec<Hit>,
    /// What went wrong; empty if all is as it should be.
    pub wrong: Vec<String>,
    /// Where the home is of one that went wrong.
    pub kept: Option<PathBuf>,
}

/// Tells the story once.
///
/// # Errors
/// If it cannot even be begun.
pub async fn tell(who: Who, plan: Plan, binary: &Path) -> Result<Told> {
    let mut cluster = Cluster::of(binary).prepare()?;
    std::fs::create_dir_all(cluster.home().data())?;
    let disk =
        Disk::new(&cluster.home().data(), &cluster.home().root().join("count"), Plan { word: who.word(), ..plan })?;
    for (name, value) in disk.environment() {
        cluster.set_environment(name, value);
    }
    let mut life = Life {
        cluster,
        disk,
        plan,
        prompts: Vec::new(),
        texts: 0,
        refused: Vec::new(),
        followed: Vec::new(),
        wrong: Vec::new(),
    };
    if let Err(error) = life.all().await {
        life.wrong.push(format!("it did not come to its end: {error:#}"));
    }
    let (calls, hits) = (life.disk.calls()?, life.disk.hits()?);
    let Life { mut cluster, wrong, .. } = life;
    let kept = (!wrong.is_empty()).then(|| cluster.keep());
    Ok(Told { calls, hits, wrong, kept })
}

/// A prompt that was accepted.
struct Prompt {
    number: usize,
    /// How many words it asks for.
    words: usize,
    session: SessionId,
    turn: Option<TurnId>,
    key: String,
}

struct Life {
    cluster: Cluster,
    disk: Disk,
    plan: Plan,
    prompts: Vec<Prompt>,
    /// How many prompts were sent.
    texts: usize,
    /// Commands that were refused, by their keys.
    refused: Vec<String>,
    followed: Vec<(SessionId, Recorder)>,
    wrong: Vec<String>,
}

impl Life {
    async fn all(&mut self) -> Result<()> {
        self.begin().await?;
        let first = self.create(20).await?;
        self.prompt(first, 5).await?;
        self.change(first, async |client, key| client.clear(first, key).await.map(drop)).await?;
        self.prompt(first, 3).await?;
        let sleep = HibernateSession { recap: true };
        self.change(first, async |client, key| client.hibernate(first, &sleep, key).await.map(drop)).await?;
        self.prompt(first, 3).await?;
        self.delete_another().await?;
        self.stop(first).await?;
        // Whatever it was, it is over: a session that was stopped or has failed takes a prompt, and a new one works.
        self.succeed(Some(first)).await?;
        self.succeed(None).await?;
        let before = self.check().await?;
        self.end().await?;
        // What was closed is opened again, and is the same.
        self.begin().await?;
        let after = self.logs().await?;
        for ((session, before), (_, after)) in before.iter().zip(&after) {
            let is_kept =
                before.events.iter().zip(&after.events).all(|(before, after)| same(&before.json, &after.json));
            if !is_kept || before.events.len() > after.events.len() {
                self.wrong.push(format!("{session}: its log is another one after a restart"));
            }
        }
        self.end().await?;
        self.look_for_panics()
    }

    async fn delete_another(&mut self) -> Result<()> {
        let session = self.create(2).await?;
        self.stop(session).await?;
        let body = DeleteSession::default();
        let deadline = Instant::now() + PATIENCE;
        // It is refused as long as something of it may live.
        while self.ask(async |client, key| client.delete_session(session, &body, key).await.map(drop)).await?.is_none()
        {
            ensure!(Instant::now() < deadline, "{session} cannot be deleted");
            sleep(AGAIN).await;
        }
        self.followed.retain(|(id, _)| *id != session);
        self.prompts.retain(|prompt| prompt.session != session);
        Ok(())
    }

    /// A prompt that has to succeed, unless the fault came in the middle of it.
    async fn succeed(&mut self, session: Option<SessionId>) -> Result<()> {
        for _ in 0..2 {
            let was_over = self.is_over()?;
            let session = match session {
                Some(session) => {
                    self.prompt(session, 3).await?;
                    session
                }
                None => self.create(3).await?,
            };
            let last = self.view(session).await?.last_turn;
            if last.as_ref().is_some_and(|turn| turn.stop_reason == StopReason::EndTurn) {
                return Ok(());
            }
            if was_over || self.disk.hits()?.is_empty() {
                self.wrong.push(format!("{session}: after the fault, a turn ended as {last:?}"));
                return Ok(());
            }
        }
        Ok(())
    }

    /// Whether no more calls fail.
    fn is_over(&self) -> Result<bool> {
        let Plan { at, times, .. } = self.plan;
        Ok(self.disk.calls()? > at.saturating_add(times))
    }

    async fn create(&mut self, words: usize) -> Result<SessionId> {
        let (number, text) = self.next_text(words);
        let body = self.cluster.session_of("fake", &text);
        let made = self.ask(async |client, key| client.create_session(&body, key).await).await?;
        let (key, made) = made.context("a session is refused")?;
        let session = made.session.id;
        self.prompts.push(Prompt { number, words, session, turn: None, key });
        self.followed.push((session, self.cluster.record(Topic::Session(session), 0)?));
        self.rest(session).await?;
        Ok(session)
    }

    async fn prompt(&mut self, session: SessionId, words: usize) -> Result<()> {
        let (number, text) = self.next_text(words);
        let body = SendPrompt { content: PromptInput::Text(text), mode: Default::default() };
        let taken = self.ask(async |client, key| client.prompt(session, &body, key).await).await?;
        if let Some((key, taken)) = taken {
            self.prompts.push(Prompt { number, words, session, turn: Some(taken.turn), key });
        }
        self.rest(session).await
    }

    fn next_text(&mut self, words: usize) -> (usize, String) {
        self.texts += 1;
        let number = self.texts;
        (number, format!("TOOL\nSTREAM {words} 200\n#{number}"))
    }

    async fn change(
        &mut self,
        session: SessionId,
        send: impl AsyncFn(&Client, &CommandKey) -> Result<(), ClientError>,
    ) -> Result<()> {
        // What has failed meanwhile may refuse it.
        let _answered = self.ask(send).await?;
        self.rest(session).await
    }

    async fn stop(&mut self, session: SessionId) -> Result<()> {
        let now = StopSession { mode: StopMode::Now, message: None };
        self.change(session, async |client, key| client.stop(session, &now, key).await.map(drop)).await?;
        let deadline = Instant::now() + PATIENCE;
        while self.view(session).await?.state != "stopped" {
            ensure!(Instant::now() < deadline, "{session} was stopped and is not");
            sleep(AGAIN).await;
        }
        Ok(())
    }

    /// Sends a command under its key until it has an answer; `None` if that is a refusal.
    async fn ask<T>(
        &mut self,
        send: impl AsyncFn(&Client, &CommandKey) -> Result<T, ClientError>,
    ) -> Result<Option<(String, T)>> {
        let key = CommandKey::fresh();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = send(&self.client()?, &key).await;
            let error = match answer {
                Ok(answer) => return Ok(Some((key.as_str().to_owned(), answer))),
                Err(ClientError::Problem(problem)) if matches!(problem.http_status(), 404 | 409) => {
                    self.refused.push(key.as_str().to_owned());
                    return Ok(None);
                }
                Err(error) => error,
            };
            self.again(error, deadline).await?;
        }
    }

    /// A session as it is.
    async fn view(&mut self, session: SessionId) -> Result<SessionView> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.client()?.session(&session.to_string()).await {
                Ok(view) => return Ok(view),
                Err(error) => self.again(error, deadline).await?,
            }
        }
    }

    /// Waits a moment if the answer is one that passes, and starts the server if it is gone.
    async fn again(&mut self, error: ClientError, deadline: Instant) -> Result<()> {
        let passes = match &error {
            ClientError::Problem(problem) => problem.http_status() >= 500 || problem.http_status() == 429,
            ClientError::Unreachable { .. } | ClientError::Lost { .. } => true,
            _ => false,
        };
        if !passes || Instant::now() > deadline {
            return Err(error).context("a request has no answer");
        }
        sleep(AGAIN).await;
        match self.cluster.server_ended()? {
            Some(status) => {
                self.ended(status, "while it served");
                self.begin().await
            }
            None => Ok(()),
        }
    }

    fn client(&self) -> Result<Client> {
        Ok(self.cluster.client()?.patience(Duration::ZERO))
    }

    /// Starts the server until it stays.
    async fn begin(&mut self) -> Result<()> {
        for _ in 0..STARTS + self.plan.times {
            self.cluster.launch_server()?;
            let deadline = Instant::now() + PATIENCE;
            loop {
                if let Some(status) = self.cluster.server_ended()? {
                    self.ended(status, "at its start");
                    break;
                }
                if let Ok(client) = self.client()
                    && client.status().await.is_ok()
                {
                    return Ok(());
                }
                ensure!(Instant::now() < deadline, "the server is not ready");
                sleep(AGAIN).await;
            }
        }
        bail!("one server after another ended at its start")
    }

    /// A server ended that nobody had asked to. One that was killed did not choose to, and at its start it may say that it
    /// cannot begin; it does so in order.
    fn ended(&mut self, status: ExitStatus, when: &str) {
        let may = match status.code() {
            None => self.plan.fault.is_death(),
            Some(code) => when == "at its start" && !self.plan.fault.is_death() && code != 0 && code != 101,
        };
        if !may {
            self.wrong.push(format!("a server ended {when} with {status}"));
        }
    }

    /// Waits until a session rests and processes confirm what it shows.
    async fn rest(&mut self, session: SessionId) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let view = self.view(session).await?;
            let rests = match view.state.as_str() {
                "stopped" => true,
                "idle" | "hibernated" => view.queue_length == 0,
                _ => false,
            };
            let lie = truth::lie(&Shown::from(&view), &truth::processes(&self.cluster.home().name()));
            if rests && view.turn.is_none() && lie.is_none() {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "{session} does not come to rest ({lie:?}): {view:#?}");
            sleep(AGAIN).await;
        }
    }

    async fn end(&mut self) -> Result<()> {
        let before = self.disk.hits()?.len();
        let mut left = self.cluster.finish().await;
        if left.is_err() {
            // It met its fault just before, or on its way out.
            let died = if self.cluster.server_pid().is_some() { self.cluster.server_ended()? } else { None };
            if let Some(status) = died {
                self.ended(status, "while it served");
                self.begin().await?;
                left = self.cluster.finish().await;
            } else if self.disk.hits()?.len() > before {
                if self.cluster.server_pid().is_none() {
                    self.begin().await?;
                }
                left = self.cluster.finish().await;
            }
        }
        self.wrong.extend(left?.iter().map(|process| format!("left is {} {}", process.pid, process.command)));
        Ok(())
    }

    async fn logs(&mut self) -> Result<Vec<(SessionId, Log)>> {
        let sessions: Vec<SessionId> = self.followed.iter().map(|(id, _)| *id).collect();
        let mut logs = Vec::new();
        for session in sessions {
            logs.push((session, self.log(session).await?));
        }
        Ok(logs)
    }

    /// A session's log. What the server does by itself may meet the fault also now.
    async fn log(&mut self, session: SessionId) -> Result<Log> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match Log::read(&self.client()?, session).await {
                Ok(log) => return Ok(log),
                Err(error) => self.again(error.downcast::<ClientError>()?, deadline).await?,
            }
        }
    }

    /// What was seen and promised is in the logs, and agents got each prompt once.
    async fn check(&mut self) -> Result<Vec<(SessionId, Log)>> {
        let logs = self.logs().await?;
        let receipts: Vec<usize> =
            self.cluster.receipts()?.iter().filter_map(|text| text.rsplit_once('#')?.1.trim().parse().ok()).collect();
        let mut wrong = Vec::new();
        let once: BTreeSet<usize> = receipts.iter().copied().collect();
        if once.len() != receipts.len() {
            wrong.push(format!("agents got {receipts:?}"));
        }
        for ((session, log), (_, seen)) in logs.iter().zip(&self.followed) {
            let end = log.events.last().map_or(0, |event| event.seq);
            let came = seen.wait_within("the client has all", PATIENCE, |seen| seen.last() >= end).await;
            if let Err(error) = came.and_then(|()| log.has_all(&seen.seen())) {
                wrong.push(format!("{session}: {error:#}"));
            }
            for event in &log.events {
                if event.data.command.as_ref().is_some_and(|key| self.refused.iter().any(|refused| **refused == **key))
                {
                    wrong.push(format!("{session}: a refused command caused {}", event.json));
                }
            }
            let mut turns = BTreeSet::new();
            let handed = log.events.iter().filter(|event| event.data.tag() == "turn_handed_over");
            wrong.extend(
                handed
                    .filter(|event| !turns.insert(event.data.turn))
                    .map(|event| format!("handed over twice: {}", event.json)),
            );
            for prompt in self.prompts.iter().filter(|prompt| prompt.session == *session) {
                wrong.extend(
                    kept(log, prompt, &once)
                        .err()
                        .map(|error| format!("{session}: prompt {}: {error:#}", prompt.number)),
                );
            }
        }
        self.wrong.extend(wrong);
        Ok(logs)
    }

    /// Nobody panicked: what a process cannot do it says.
    fn look_for_panics(&mut self) -> Result<()> {
        let home = self.cluster.home();
        let log = std::fs::read(home.root().join("server.log"))?;
        let log = String::from_utf8_lossy(&log).into_owned();
        let panics = log.lines().filter(|line| line.contains("panicked at") || line.contains("a bug in convene"));
        self.wrong.extend(panics.map(ToOwned::to_owned));
        // Those of a runner are there when its run directory is gone.
        for incident in std::fs::read_dir(home.data().join("crashes")).into_iter().flatten().flatten() {
            let text = std::fs::read_to_string(incident.path()).unwrap_or_default();
            self.wrong.push(format!("{}: {text}", incident.path().display()));
        }
        Ok(())
    }
}

/// A prompt that was accepted has one turn, one end, and what its agent said is whole as far as it goes.
fn kept(log: &Log, prompt: &Prompt, receipts: &BTreeSet<usize>) -> Result<()> {
    let queued: Vec<_> = log
        .events
        .iter()
        .filter(|event| event.data.command.as_deref() == Some(&*prompt.key) && event.data.tag() == "turn_queued")
        .collect();
    let [queued] = queued[..] else { bail!("it is {} times in the log", queued.len()) };
    let turn = queued.data.turn.context("its event has no turn")?;
    ensure!(prompt.turn.is_none_or(|promised| promised == turn), "it has turn {turn}, not {:?}", prompt.turn);
    let ends: Vec<StopReason> = log.ends(turn).into_iter().map(|(reason, _)| reason).collect();
    let dropped =
        log.events.iter().filter(|e| e.data.turn == Some(turn) && e.data.tag() == "queue_entry_dropped").count();
    ensure!(ends.len() + dropped == 1, "it ended {ends:?} and was dropped {dropped} times");
    let said = log.text(turn);
    let whole: String = (1..=prompt.words).map(|n| format!("w{n} ")).collect();
    let whole = format!("{whole}echo: #{}", prompt.number);
    let recapped = log.count("agent_context_lost") > 0;
    if ends == [StopReason::EndTurn] {
        ensure!(receipts.contains(&prompt.number), "it is done, and no agent got it");
        ensure!(said == whole || (recapped && said.contains(&whole)), "its answer is {said:?}");
    } else {
        ensure!(whole.starts_with(&said) || recapped, "its answer began with {said:?}");
    }
    Ok(())
}
