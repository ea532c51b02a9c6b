//! A worker that speaks its uplink and starts nothing.

use convene_api::uplink::{HeldAttempt, PROTOCOL, StartAttempt, WORKER_PATH, WorkerHello, WorkerUp};
use convene_core::{
    dispatch::DetectedAgent,
    failure::AttemptExit,
    ids::{InstanceId, SessionId, WorkerName},
};
use serde_json::Value;

use super::{Server, socket::Socket};

pub struct Worker {
    pub socket: Socket,
}

/// A worker's hello with one agent installed.
pub fn hello(name: &str, held: Vec<HeldAttempt>) -> WorkerHello {
    let agent = |name: &str, installed| DetectedAgent {
        name: name.to_owned(),
        installed,
        starts_with: "built in".to_owned(),
        ..DetectedAgent::default()
    };
    WorkerHello {
        name: WorkerName::new(name),
        instance: InstanceId::new(uuid::Uuid::now_v7()),
        protocol: PROTOCOL,
        version: "0".to_owned(),
        seats: 4,
        labels: Default::default(),
        agents: vec![agent("builtin", true), agent("claude", false)],
        roots: Vec::new(),
        held,
    }
}

impl Worker {
    pub async fn connect(server: &Server) -> Self {
        let mut worker = Self::with_hello(server, &hello("here", Vec::new())).await;
        let welcome = worker.socket.next().await;
        assert_eq!(welcome["welcome"]["protocol"], 1, "{welcome}");
        worker
    }

    pub async fn with_hello(server: &Server, hello: &WorkerHello) -> Self {
        let socket = Socket::open_at(server, WORKER_PATH, &server.info.worker_token, &[]).await.unwrap();
        let mut worker = Self { socket };
        worker.say(&WorkerUp::Hello(hello.clone())).await;
        worker
    }

    pub async fn say(&mut self, frame: &WorkerUp) {
        self.socket.say(&serde_json::to_value(frame).unwrap()).await;
    }

    /// Waits for the order to start an attempt, and takes it.
    pub async fn take_start(&mut self) -> StartAttempt {
        let start = self.start().await;
        self.say(&WorkerUp::Taken { session: start.session, attempt: start.attempt }).await;
        start
    }

    /// Waits for the order to start an attempt.
    pub async fn start(&mut self) -> StartAttempt {
        let frame = self.socket.next_that(|f| f.get("start_attempt").is_some()).await;
        serde_json::from_value(frame["start_attempt"].clone()).unwrap()
    }

    /// Tells the end of an attempt, and waits until it is taken.
    pub async fn ended(&mut self, session: SessionId, attempt: u32) -> Value {
        let exit = AttemptExit { by: "keeper".to_owned(), verified: true, ..AttemptExit::default() };
        self.say(&WorkerUp::Ended { session, attempt, exit }).await;
        self.socket.next_that(|f| f.get("ended_ack").is_some()).await
    }
}
