//! A runner that speaks its uplink and plays an agent.

use std::collections::VecDeque;

use convene_api::uplink::{Batch, PROTOCOL, RUNNER_PATH, RunnerHello, RunnerUp, RunnerWelcome, StartAttempt};
use convene_core::ids::{InstanceId, TurnId};
use serde_json::{Value, json, value::to_raw_value};

use super::{Server, socket::Socket};

pub struct Runner {
    pub socket: Socket,
    pub hello: RunnerHello,
    pub welcome: RunnerWelcome,
    pub next_index: u64,
    /// Directives that came while something else was waited for.
    directives: VecDeque<Value>,
}

impl Runner {
    /// Says hello for an attempt.
    pub async fn connect(server: &Server, start: &StartAttempt) -> Self {
        let instance = InstanceId::new(uuid::Uuid::now_v7());
        Self::reconnect(server, start, instance, 0).await.unwrap()
    }

    /// Says hello again; a fenced one gets the reason.
    pub async fn reconnect(
        server: &Server,
        start: &StartAttempt,
        instance: InstanceId,
        last_directive: u64,
    ) -> Result<Self, Value> {
        let mut socket = Socket::open_at(server, RUNNER_PATH, &start.token, &[]).await.unwrap();
        let hello = RunnerHello {
            session: start.session,
            attempt: start.attempt,
            instance,
            protocol: PROTOCOL,
            version: "0".to_owned(),
            last_directive,
        };
        socket.say(&serde_json::to_value(RunnerUp::Hello(hello.clone())).unwrap()).await;
        let answer = socket.next().await;
        match answer.get("welcome") {
            Some(welcome) => {
                let welcome: RunnerWelcome = serde_json::from_value(welcome.clone()).unwrap();
                let next_index = welcome.next_index;
                Ok(Self { socket, hello, welcome, next_index, directives: VecDeque::new() })
            }
            None => Err(answer),
        }
    }

    /// Sends events as one batch and waits for the acknowledgement.
    pub async fn report(&mut self, events: &[Value]) {
        self.send(self.next_index, events).await;
        let expected = self.next_index + events.len() as u64;
        assert_eq!(self.acknowledged().await, expected);
        self.next_index = expected;
    }

    /// Sends a batch.
    pub async fn send(&mut self, first_index: u64, events: &[Value]) {
        let events = events.iter().map(|e| to_raw_value(e).unwrap()).collect();
        let batch = RunnerUp::Batch(Batch { first_index, held_us: 0, spooled: 0, events });
        self.socket.say(&serde_json::to_value(batch).unwrap()).await;
    }

    /// The index of the next acknowledgement.
    pub async fn acknowledged(&mut self) -> u64 {
        loop {
            let frame = self.socket.next_that(|f| f.get("ack").is_some() || f.get("directive").is_some()).await;
            match frame.get("directive") {
                Some(directive) => self.directives.push_back(directive.clone()),
                None => return frame["ack"]["next_index"].as_u64().unwrap(),
            }
        }
    }

    /// The agent is up.
    pub async fn begin(&mut self) {
        let session = json!({"type": "agent_session_started", "agent_session_id": "a", "how": "new"});
        self.report(&[session]).await;
    }

    /// The turn of the first prompt that it was given.
    pub fn first_turn(&self) -> TurnId {
        let directive = serde_json::to_value(&self.welcome.directives).unwrap();
        let prompt = directive.as_array().unwrap().iter().find(|d| d["order"] == "prompt");
        serde_json::from_value(prompt.expect("a prompt")["turn"].clone()).unwrap()
    }

    /// The prompt goes to the agent.
    pub async fn hand_over(&mut self, turn: TurnId) {
        self.report(&[json!({"type": "turn_handed_over", "turn": turn})]).await;
    }

    /// Pieces of an answer.
    pub async fn answer(&mut self, turn: TurnId, pieces: usize) {
        let message = convene_core::ids::MessageId::new(uuid::Uuid::now_v7());
        let piece = |n: usize| {
            json!({
                "type": "message_appended", "turn": turn, "message": message, "role": "agent", "channel": "answer",
                "content": {"type": "text", "text": format!("piece {n} ")},
            })
        };
        let pieces: Vec<Value> = (0..pieces).map(piece).collect();
        for batch in pieces.chunks(400) {
            self.report(batch).await;
        }
    }

    /// The turn is over.
    pub async fn end_turn(&mut self, turn: TurnId) {
        self.report(&[json!({"type": "turn_ended", "turn": turn, "stop_reason": "end_turn"})]).await;
    }

    /// The next directive.
    pub async fn directive(&mut self) -> Value {
        if let Some(directive) = self.directives.pop_front() {
            return directive;
        }
        let frame = self.socket.next_that(|f| f.get("directive").is_some()).await;
        frame["directive"].clone()
    }
}
