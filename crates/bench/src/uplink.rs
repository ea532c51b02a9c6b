//! A worker and runners without processes, for more sessions than a machine has room for agents: they speak the uplink.

use std::collections::HashSet;

use anyhow::{Context as _, Result, bail};
use convene_api::uplink::{
    PROTOCOL, RUNNER_PATH, RunnerDown, RunnerHello, RunnerUp, WORKER_PATH, WorkerDown, WorkerHello, WorkerUp,
};
use convene_core::{
    directive::Order,
    failure::AttemptExit,
    ids::{InstanceId, SessionId, TurnId, WorkerName},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{product::Product, viewer::Viewer};

/// The links of a worker and its runners.
pub struct Uplinks {
    runners: Vec<Runner>,
    worker: Viewer,
}

struct Runner {
    link: Viewer,
    session: String,
    attempt: u32,
    turn: TurnId,
    message: Uuid,
    next_index: u64,
}

impl Uplinks {
    /// Makes so many sessions, each with a runner that has said hello.
    pub fn open(product: &Product, count: usize) -> Result<Self> {
        let mut connection = product.connection()?;
        let token = connection.must("POST", "/v1/tokens", &json!({"name": "bench", "scope": "worker"}).to_string())?;
        let token: Value = serde_json::from_str(&token)?;
        let token = token["secret"].as_str().context("no token")?;
        let body = product.body("hello").to_string();
        for _ in 0..count {
            connection.must("POST", "/v1/sessions", &body)?;
        }
        let mut worker = Viewer::socket(product.port, WORKER_PATH, token)?;
        // The agent is named, which is all that the placement wants of it.
        let agents = serde_json::from_value(json!([{"name": "fake", "installed": true}]))?;
        let hello = WorkerHello {
            name: WorkerName::new("bench"),
            instance: InstanceId::new(Uuid::now_v7()),
            protocol: PROTOCOL,
            version: "0".to_owned(),
            seats: u32::try_from(count)?,
            labels: Default::default(),
            agents,
            roots: Vec::new(),
            held: Vec::new(),
        };
        say(&mut worker, &WorkerUp::Hello(hello))?;
        let (mut runners, mut taken) = (Vec::with_capacity(count), HashSet::new());
        while runners.len() < count {
            for frame in hear(&mut worker)? {
                match frame {
                    WorkerDown::StartAttempt(start) => {
                        say(&mut worker, &WorkerUp::Taken { session: start.session, attempt: start.attempt })?;
                        // An order whose answer took long comes again.
                        if taken.insert(start.session) {
                            runners.push(Runner::open(product.port, &start.token, start.session, start.attempt)?);
                        }
                    }
                    WorkerDown::Rejected { reason, .. } => bail!("the worker is rejected: {reason}"),
                    WorkerDown::Welcome { .. }
                    | WorkerDown::EndAttempt { .. }
                    | WorkerDown::TailAck { .. }
                    | WorkerDown::EndedAck { .. }
                    | WorkerDown::Ask { .. }
                    | WorkerDown::Forget { .. } => {}
                }
            }
        }
        Ok(Self { runners, worker })
    }

    /// The sessions.
    pub fn sessions(&self) -> impl Iterator<Item = &str> {
        self.runners.iter().map(|runner| runner.session.as_str())
    }

    /// One runner reports batches of texts, each when the one before is committed.
    pub fn report_one(&mut self, place: usize, batches: usize, events: usize, bytes: usize) -> Result<()> {
        let runner = self.runners.get_mut(place).context("no such runner")?;
        (0..batches).try_for_each(|_| runner.report(events, bytes).and_then(|()| runner.acknowledged()))
    }

    /// Every session has its first turn and is put to sleep; its runner and its agent are gone.
    pub fn sleep(&mut self, product: &Product) -> Result<()> {
        let mut connection = product.connection()?;
        for runner in &mut self.runners {
            runner.play_turn()?;
            let path = format!("/v1/sessions/{}/hibernate", runner.session);
            connection.must("POST", &path, r#"{"recap": true}"#)?;
            let exit = AttemptExit { by: "runner".to_owned(), verified: true, ..AttemptExit::default() };
            let session = runner.session.parse().ok().context("no id")?;
            say(&mut self.worker, &WorkerUp::Ended { session, attempt: runner.attempt, exit })?;
        }
        let mut left = self.runners.len();
        while left > 0 {
            let ends = hear(&mut self.worker)?;
            left -= ends.iter().filter(|frame| matches!(frame, WorkerDown::EndedAck { .. })).count();
        }
        self.runners.clear();
        Ok(())
    }

    /// Every runner reports a batch of texts, and waits until it is committed.
    pub fn report(&mut self, events: usize, bytes: usize) -> Result<()> {
        self.runners.iter_mut().try_for_each(|runner| runner.report(events, bytes))?;
        self.runners.iter_mut().try_for_each(Runner::acknowledged)
    }
}

impl Runner {
    fn open(port: u16, token: &str, session: SessionId, attempt: u32) -> Result<Self> {
        let mut link = Viewer::socket(port, RUNNER_PATH, token)?;
        let hello = RunnerHello {
            session,
            attempt,
            instance: InstanceId::new(Uuid::now_v7()),
            protocol: PROTOCOL,
            version: "0".to_owned(),
            last_directive: 0,
        };
        say(&mut link, &RunnerUp::Hello(hello))?;
        let (mut next_index, mut turn) = (None, None);
        while next_index.is_none() {
            for frame in hear(&mut link)? {
                match frame {
                    RunnerDown::Welcome(welcome) => {
                        next_index = Some(welcome.next_index);
                        turn = welcome.directives.iter().find_map(|directive| match &directive.order {
                            Order::Prompt { turn, .. } => Some(*turn),
                            _ => None,
                        });
                    }
                    RunnerDown::Fenced { reason } => bail!("a runner is fenced: {reason}"),
                    RunnerDown::Ack { .. } | RunnerDown::Directive(_) => {}
                }
            }
        }
        let next_index = next_index.context("no welcome")?;
        let (session, turn, message) = (session.to_string(), turn.context("no prompt")?, Uuid::now_v7());
        Ok(Self { link, session, attempt, turn, message, next_index })
    }

    /// What a runner tells of a short turn.
    fn play_turn(&mut self) -> Result<()> {
        let (turn, message, first) = (self.turn, self.message.simple(), self.next_index);
        let events = [
            r#"{"type":"agent_session_started","agent_session_id":"a","how":"new"}"#.to_owned(),
            format!(r#"{{"turn":"{turn}","type":"turn_handed_over"}}"#),
            format!(
                r#"{{"turn":"{turn}","type":"message_appended","message":"msg_{message}","role":"agent","channel":"answer","content":{{"type":"text","text":"It is done."}}}}"#
            ),
            format!(r#"{{"turn":"{turn}","type":"turn_ended","stop_reason":"end_turn"}}"#),
        ]
        .join(",");
        self.link.send(1, format!(r#"{{"batch":{{"first_index":{first},"events":[{events}]}}}}"#).as_bytes())?;
        self.acknowledged()
    }

    fn report(&mut self, events: usize, bytes: usize) -> Result<()> {
        let text = "x".repeat(bytes);
        let message = self.message.simple();
        let event = format!(
            r#"{{"type":"message_appended","message":"msg_{message}","role":"agent","channel":"answer","content":{{"type":"text","text":"{text}"}}}}"#
        );
        let events = vec![event; events].join(",");
        let first = self.next_index;
        self.link.send(1, format!(r#"{{"batch":{{"first_index":{first},"events":[{events}]}}}}"#).as_bytes())
    }

    fn acknowledged(&mut self) -> Result<()> {
        loop {
            for frame in hear(&mut self.link)? {
                match frame {
                    RunnerDown::Ack { next_index } if next_index > self.next_index => {
                        self.next_index = next_index;
                        return Ok(());
                    }
                    RunnerDown::Fenced { reason } => bail!("a runner is fenced: {reason}"),
                    RunnerDown::Welcome(_) | RunnerDown::Ack { .. } | RunnerDown::Directive(_) => {}
                }
            }
        }
    }
}

fn say(link: &mut Viewer, frame: &impl Serialize) -> Result<()> {
    link.send(1, serde_json::to_string(frame)?.as_bytes())
}

fn hear<T: DeserializeOwned>(link: &mut Viewer) -> Result<Vec<T>> {
    let mut frames = Vec::new();
    link.read(|text| frames.push(serde_json::from_str(text)))?;
    frames.into_iter().map(|frame| frame.context("an unknown frame")).collect()
}
