//! A worker that speaks its uplink and starts nothing.

use convene_api::uplink::{HeldAttempt, PROTOCOL, StartAttempt, WORKER_PATH, WorkerHello, WorkerUp};
use convene_core::{
    dispatch::DetectedAgent,
    failure::AttemptExit,
    ids::{InstanceId, SessionId, WorkerName},
};
use serde_json::Value;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
    time::timeout,
};

use super::{SOON, Server, socket::Socket};

pub struct Worker {
    pub socket: Link,
}

/// A socket that is read whatever the test does meanwhile, so that the server's pings are answered.
pub struct Link {
    orders: mpsc::UnboundedSender<Order>,
    frames: mpsc::UnboundedReceiver<Value>,
    /// The task that has the socket; the socket goes with it.
    _pump: JoinSet<()>,
}

enum Order {
    Say(Value, oneshot::Sender<()>),
    DropLink(oneshot::Sender<()>),
}

impl Link {
    fn of(socket: Socket) -> Self {
        // Unbounded: a worker is told little, and the test has an end.
        let (orders, ordered) = mpsc::unbounded_channel();
        let (told, frames) = mpsc::unbounded_channel();
        let mut pump = JoinSet::new();
        pump.spawn(run(socket, ordered, told));
        Self { orders, frames, _pump: pump }
    }

    pub async fn say(&mut self, frame: &Value) {
        self.order(|done| Order::Say(frame.clone(), done)).await;
    }

    /// Ends the connection without a farewell.
    pub async fn drop_link(&mut self) {
        self.order(Order::DropLink).await;
    }

    /// Has something done, and waits until it is.
    async fn order(&mut self, what: impl FnOnce(oneshot::Sender<()>) -> Order) {
        let (done, is_done) = oneshot::channel();
        self.orders.send(what(done)).expect("the socket is there");
        is_done.await.expect("it is done");
    }

    /// The next frame. A close comes as `{"close": …}`, the end as `null`.
    pub async fn next(&mut self) -> Value {
        timeout(SOON, self.frames.recv()).await.expect("a frame in time").unwrap_or(Value::Null)
    }

    /// The next frame that fits; the others are dropped.
    pub async fn next_that(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        let found = async {
            loop {
                let frame = self.next().await;
                assert!(!frame.is_null(), "the socket ended");
                if fits(&frame) {
                    return frame;
                }
            }
        };
        timeout(SOON, found).await.expect("the frame in time")
    }
}

/// Carries out what is ordered and hands on what comes, until the other side is gone.
async fn run(mut socket: Socket, mut ordered: mpsc::UnboundedReceiver<Order>, told: mpsc::UnboundedSender<Value>) {
    loop {
        let done = tokio::select! {
            frame = socket.read() => match frame {
                Value::Null => return,
                frame => {
                    let _ = told.send(frame);
                    continue;
                }
            },
            order = ordered.recv() => match order {
                None => return,
                Some(Order::Say(frame, done)) => {
                    socket.say(&frame).await;
                    done
                }
                Some(Order::DropLink(done)) => {
                    socket.drop_link().await;
                    done
                }
            },
        };
        let _ = done.send(());
    }
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
        let mut worker = Self { socket: Link::of(socket) };
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
