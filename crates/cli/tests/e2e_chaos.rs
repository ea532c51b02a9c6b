//! Anything at any moment, by a seed: sessions are made, prompted, cancelled and stopped while processes of every role
//! are killed. Then everything is healed, and what must be true is true.
//!
//! `CONVENE_CHAOS_SEED` repeats a run as far as a machine with a clock can; `CONVENE_CHAOS_STEPS` makes it longer.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use convene_api::{
    body::{CancelTurn, StopSession},
    client::{ClientError, CommandKey},
};
use convene_core::{
    event::StopMode,
    failure::StopReason,
    ids::{SessionId, TurnId},
    view::SessionView,
};
use convene_testkit::cluster::{Cluster, Recorder, Role, Topic};

/// Live sessions at once.
const SESSIONS: usize = 4;

/// Pseudo-random, the same for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap_or_default()
    }
}

struct Play {
    cluster: Cluster,
    dice: Dice,
    sessions: Vec<(SessionId, Recorder)>,
    /// Every prompt that was accepted: its text, and the turn and session that were promised.
    promised: BTreeMap<String, (SessionId, TurnId)>,
    story: Vec<String>,
}

#[tokio::test]
async fn whatever_happens_the_log_is_true() -> Result<()> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number("CONVENE_CHAOS_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    let steps = number("CONVENE_CHAOS_STEPS").unwrap_or(60);
    let config = "[worker]\nseats = 64\n[limits]\nsessions = 64";
    let builder = Cluster::of(env!("CARGO_BIN_EXE_convene")).worker_apart().config(config);
    let cluster = builder.fake(&["--ignore-sigterm", "--ignore-eof"]).start().await?;
    let mut play = Play {
        cluster,
        dice: Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
        sessions: Vec::new(),
        promised: BTreeMap::new(),
        story: Vec::new(),
    };
    for _ in 0..steps {
        let step = play.step().await;
        if step.is_err() {
            play.tell(seed);
        }
        step?;
    }
    let healed = play.heal().await;
    if healed.is_err() {
        play.tell(seed);
    }
    healed?;
    drop(play.sessions);
    play.cluster.end().await
}

impl Play {
    async fn step(&mut self) -> Result<()> {
        if self.sessions.is_empty() {
            return self.create().await;
        }
        match self.dice.roll(16) {
            0 if self.sessions.len() < SESSIONS => self.create().await,
            0..=5 => self.prompt().await,
            6 => self.cancel().await,
            7 => self.stop().await,
            8..=11 => self.pause().await,
            _ => self.kill().await,
        }
    }

    fn any(&mut self) -> SessionId {
        let index = self.dice.roll(self.sessions.len());
        self.sessions[index].0
    }

    fn text(&mut self) -> String {
        let n = self.promised.len();
        let what = ["", "\nDAEMON", "\nTOOL", "\nTOOL OPEN", "\nTHINK 3"][self.dice.roll(5)];
        format!("prompt {n}{what}\nSTREAM {} 2000", 1 + self.dice.roll(150))
    }

    async fn create(&mut self) -> Result<()> {
        let text = self.text();
        let created = self.cluster.create(&text).await?;
        let id = created.session.id;
        let queued = self.cluster.log(id).await?;
        let turn = queued.first("turn_queued").and_then(|e| e.data.turn).context("no turn")?;
        self.story.push(format!("create {} {text:?}", id.short()));
        self.promised.insert(text, (id, turn));
        self.sessions.push((id, self.cluster.record(Topic::Session(id), 0)?));
        Ok(())
    }

    async fn prompt(&mut self) -> Result<()> {
        let (id, text) = (self.any(), self.text());
        // A full queue takes no last prompt when all is healed.
        if self.cluster.session(id).await?.queue_length > 7 {
            return Ok(());
        }
        match self.cluster.prompt(id, &text).await {
            Ok(accepted) => {
                self.story.push(format!("prompt {} {text:?}", id.short()));
                self.promised.insert(text, (id, accepted.turn));
            }
            Err(error) => self.refused("prompt", id, error)?,
        }
        Ok(())
    }

    async fn cancel(&mut self) -> Result<()> {
        let id = self.any();
        self.story.push(format!("cancel {}", id.short()));
        match self.cluster.client()?.cancel(id, &CancelTurn::default(), &CommandKey::fresh()).await {
            Ok(_) => Ok(()),
            Err(error) => self.refused("cancel", id, error.into()),
        }
    }

    async fn stop(&mut self) -> Result<()> {
        let id = self.any();
        let mode = if self.dice.roll(2) == 0 { StopMode::Graceful } else { StopMode::Now };
        self.story.push(format!("stop {} {mode:?}", id.short()));
        match self.cluster.client()?.stop(id, &StopSession { mode, message: None }, &CommandKey::fresh()).await {
            Ok(_) => Ok(()),
            Err(error) => self.refused("stop", id, error.into()),
        }
    }

    /// A no that fits the state is an answer; everything else is a fault.
    fn refused(&mut self, what: &str, id: SessionId, error: anyhow::Error) -> Result<()> {
        match error.downcast_ref::<ClientError>() {
            Some(ClientError::Problem(problem)) if problem.http_status() == 409 => {
                self.story.push(format!("  {what} {} refused: {}", id.short(), problem.code));
                Ok(())
            }
            _ => Err(error.context(format!("{what} {}", id.short()))),
        }
    }

    /// Lets some more be said.
    async fn pause(&mut self) -> Result<()> {
        let (index, more) = (self.dice.roll(self.sessions.len()), 1 + self.dice.roll(200));
        let recorder = &self.sessions[index].1;
        let before = recorder.seen().text.len();
        let patience = std::time::Duration::from_millis(300);
        // Nothing may be going on there, which is as good.
        let _ = recorder.wait_within("more is said", patience, |seen| seen.text.len() > before + more).await;
        Ok(())
    }

    async fn kill(&mut self) -> Result<()> {
        const ALL: [Role; 5] = [Role::Server, Role::Worker, Role::Keeper, Role::Runner, Role::Agent];
        let (id, first, second) = (self.any(), ALL[self.dice.roll(5)], ALL[self.dice.roll(5)]);
        let mut victims = vec![first];
        if second != first && self.dice.roll(2) == 0 {
            victims.push(second);
        }
        let tree = self.cluster.tree_now(id).await?;
        if tree.is_none() {
            victims.retain(|role| matches!(role, Role::Server | Role::Worker));
        }
        if victims.is_empty() {
            return Ok(());
        }
        self.story.push(format!("kill {victims:?} of {}", id.short()));
        let nobody = convene_testkit::cluster::Tree { keeper: 0, runner: 0, agent: 0 };
        self.cluster.kill(&victims, &tree.unwrap_or(nobody))?;
        self.cluster.restart(&victims).await
    }

    async fn heal(&mut self) -> Result<()> {
        let rests = |s: &SessionView| matches!(s.state.as_str(), "idle" | "stopped" | "hibernated");
        for (id, _) in &self.sessions {
            self.cluster.wait_session(*id, "it rests", rests).await?;
        }
        // Each takes a prompt, which runs after whatever waits before it.
        for (n, (id, _)) in self.sessions.iter().enumerate() {
            let text = format!("last {n}");
            let last = self.cluster.prompt(*id, &text).await?;
            let over = |s: &SessionView| s.last_turn.as_ref().is_some_and(|t| t.id == last.turn);
            let view = self.cluster.wait_session(*id, "its last prompt is answered", over).await?;
            let turn = view.last_turn.context("no turn")?;
            ensure!(turn.stop_reason == StopReason::EndTurn, "it ended by {:?}: {:?}", turn.stop_reason, turn.failure);
            self.promised.insert(text, (*id, last.turn));
        }
        self.check().await
    }

    async fn check(&self) -> Result<()> {
        let receipts = self.cluster.receipts()?;
        let unique: BTreeSet<&String> = receipts.iter().collect();
        ensure!(unique.len() == receipts.len(), "a prompt was handed over twice: {receipts:?}");
        let mut logs = BTreeMap::new();
        for (id, recorder) in &self.sessions {
            let end = self.cluster.log(*id).await?.events.len() as u64;
            recorder.wait("the client has all", |seen| seen.last() >= end).await?;
            let seen = recorder.seen().clone();
            let log = self.cluster.log(*id).await?;
            log.has_all(&seen)?;
            logs.insert(*id, log);
        }
        for (text, (id, turn)) in &self.promised {
            let log = logs.get(id).context("no log")?;
            let of_turn =
                |tag: &str| log.events.iter().filter(|e| e.data.turn == Some(*turn) && e.data.tag() == tag).count();
            let (ends, dropped) = (log.ends(*turn), of_turn("queue_entry_dropped"));
            ensure!(ends.len() + dropped == 1, "{text:?} of {} ended {ends:?}, dropped {dropped}", id.short());
            let received = unique.contains(text);
            if let [(StopReason::EndTurn, _)] = ends[..] {
                ensure!(received, "{text:?} of {} is done, and no agent had it", id.short());
                let words = text.rsplit_once("STREAM ").and_then(|(_, n)| n.split(' ').next()?.parse::<u32>().ok());
                let expected: String = (1..=words.unwrap_or(0)).map(|n| format!("w{n} ")).collect();
                ensure!(log.text(*turn).ends_with(&expected), "{text:?} got {:?}", log.text(*turn));
            }
            if received {
                ensure!(of_turn("turn_handed_over") <= 1, "{text:?} of {} was handed over often", id.short());
            }
            ensure!(of_turn("turn_started") >= ends.len() || !received, "{text:?} of {} never began", id.short());
        }
        Ok(())
    }

    fn tell(&self, seed: u64) {
        eprintln!("seed {seed}:");
        for line in &self.story {
            eprintln!("  {line}");
        }
    }
}
