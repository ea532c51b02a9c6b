//! A server as far as a runner can see: hello and welcome, acknowledgements, directives, fences. It checks what it gets:
//! indexes without gaps, one batch in flight, resent events word for word the same.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use convene_api::uplink::{BATCH_EVENTS, RunnerDown, RunnerUp, RunnerWelcome};
use convene_core::{
    directive::{Directive, Order},
    ids::ThreadId,
    spec::SessionSpec,
};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::{net::UnixListener, sync::Notify, time::Instant};
use tokio_tungstenite::{WebSocketStream, tungstenite::Message};

pub struct Server {
    pub path: PathBuf,
    pub state: Arc<Mutex<State>>,
    changed: Arc<Notify>,
    poke: Arc<Notify>,
    task: Option<tokio::task::JoinSet<()>>,
}

#[derive(Default)]
pub struct State {
    /// Everything committed, as it came.
    pub texts: Vec<String>,
    pub events: Vec<Value>,
    /// Answers to directives.
    pub done: Vec<(u64, String)>,
    pub directives: Vec<Directive>,
    pub spec: Option<Arc<SessionSpec>>,
    pub agent_session_id: Option<String>,
    pub fork_of: Option<String>,
    pub recap: Option<String>,
    pub recap_due: bool,
    pub hellos: u32,
    pub batches: u32,
    pub fence: bool,
    /// How long to wait before an acknowledgement.
    pub ack_delay: Duration,
    /// The link is cut after so many batches, before the acknowledgement of the last one.
    pub cut_after: Option<u32>,
    pub problems: Vec<String>,
}

impl Server {
    pub fn start(dir: &Path, spec: SessionSpec, directives: Vec<Directive>) -> Server {
        let path = dir.join("server.sock");
        let state = State { spec: Some(Arc::new(spec)), directives, ..State::default() };
        let mut server = Server {
            path,
            state: Arc::new(Mutex::new(state)),
            changed: Arc::new(Notify::new()),
            poke: Arc::new(Notify::new()),
            task: None,
        };
        server.up();
        server
    }

    /// Listens (again).
    pub fn up(&mut self) {
        let _ = std::fs::remove_file(&self.path);
        let listener = UnixListener::bind(&self.path).expect("the socket can be bound");
        let (state, changed, poke) = (self.state.clone(), self.changed.clone(), self.poke.clone());
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                // One runner, one link at a time.
                let Ok(socket) = tokio_tungstenite::accept_async(stream).await else { continue };
                serve(socket, &state, &changed, &poke).await;
            }
        });
        self.task = Some(tasks);
    }

    /// Goes away, with its links.
    pub fn down(&mut self) {
        self.task = None;
        let _ = std::fs::remove_file(&self.path);
    }

    pub fn order(&self, order: Order) -> u64 {
        let mut state = self.state.lock().unwrap();
        let seq = state.directives.last().map_or(1, |d| d.seq) + 1;
        state.directives.push(Directive { seq, order });
        drop(state);
        self.poke.notify_waiters();
        seq
    }

    pub fn fence(&self) {
        self.state.lock().unwrap().fence = true;
        self.poke.notify_waiters();
    }

    /// Waits until something is true of what is committed.
    pub async fn wait<T>(&self, what: &str, mut test: impl FnMut(&State) -> Option<T>) -> T {
        let end = Instant::now() + Duration::from_secs(40);
        loop {
            let changed = self.changed.notified();
            {
                let state = self.state.lock().unwrap();
                assert!(state.problems.is_empty(), "{:?}", state.problems);
                if let Some(found) = test(&state) {
                    return found;
                }
            }
            if tokio::time::timeout_at(end, changed).await.is_err() {
                let state = self.state.lock().unwrap();
                let last: Vec<&String> = state.texts.iter().rev().take(15).collect();
                panic!("no {what} among {} events, the last ones being {last:#?}", state.texts.len());
            }
        }
    }

    /// Waits for the first event of a type that passes a test.
    pub async fn event_that(&self, tag: &str, test: impl Fn(&Value) -> bool) -> Value {
        self.wait(tag, |state| state.events.iter().find(|e| e["type"] == tag && test(e)).cloned()).await
    }

    pub async fn event(&self, tag: &str) -> Value {
        self.event_that(tag, |_| true).await
    }

    pub fn events(&self) -> Vec<Value> {
        self.state.lock().unwrap().events.clone()
    }

    /// All that the agent said aloud.
    pub fn answer(&self) -> String {
        let said = |e: &Value| {
            let is_answer = e["type"] == "message_appended" && e["channel"] == "answer";
            is_answer.then(|| e["content"]["text"].as_str().unwrap_or_default().to_owned())
        };
        self.events().iter().filter_map(said).collect()
    }
}

async fn serve<S>(mut socket: WebSocketStream<S>, state: &Mutex<State>, changed: &Notify, poke: &Notify)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let Some(Ok(Message::Text(hello))) = socket.next().await else { return };
    let Ok(RunnerUp::Hello(hello)) = serde_json::from_str(&hello) else {
        state.lock().unwrap().problems.push("the first frame is no hello".to_owned());
        return;
    };
    let mut sent = hello.last_directive;
    let answer = {
        let mut state = state.lock().unwrap();
        state.hellos += 1;
        if state.fence {
            RunnerDown::Fenced { reason: "another instance runs".to_owned() }
        } else {
            let directives: Vec<Directive> = state.directives.iter().filter(|d| d.seq > sent).cloned().collect();
            sent = directives.last().map_or(sent, |d| d.seq);
            RunnerDown::Welcome(Box::new(RunnerWelcome {
                protocol: 1,
                spec: state.spec.clone().unwrap(),
                thread: ThreadId::new(hello.session.uuid()),
                agent_session_id: state.agent_session_id.clone(),
                fork_of: state.fork_of.clone(),
                recap: state.recap.clone(),
                recap_due: state.recap_due,
                next_index: state.texts.len() as u64,
                directives,
            }))
        }
    };
    if send(&mut socket, &answer).await.is_err() {
        return;
    }
    let mut batches = 0;
    loop {
        let poked = poke.notified();
        tokio::pin!(poked);
        poked.as_mut().enable();
        let fresh: Vec<RunnerDown> = {
            let state = state.lock().unwrap();
            let mut frames: Vec<RunnerDown> =
                state.directives.iter().filter(|d| d.seq > sent).cloned().map(RunnerDown::Directive).collect();
            sent = state.directives.last().map_or(sent, |d| d.seq.max(sent));
            if state.fence {
                frames.push(RunnerDown::Fenced { reason: "fenced by the test".to_owned() });
            }
            frames
        };
        for frame in fresh {
            if send(&mut socket, &frame).await.is_err() {
                return;
            }
        }
        let frame = tokio::select! {
            frame = socket.next() => frame,
            () = poked => continue,
        };
        let text = match frame {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(_)) => continue,
            Some(Err(_)) | None => return,
        };
        match serde_json::from_str::<RunnerUp>(&text) {
            Ok(RunnerUp::Batch(batch)) => {
                batches += 1;
                let (next_index, delay, cut) = {
                    let mut state = state.lock().unwrap();
                    state.batches += 1;
                    take(&mut state, batch.first_index, batch.events.iter().map(|e| e.get().to_owned()).collect());
                    (state.texts.len() as u64, state.ack_delay, state.cut_after.is_some_and(|n| batches >= n))
                };
                changed.notify_waiters();
                if cut {
                    return;
                }
                tokio::time::sleep(delay).await;
                if send(&mut socket, &RunnerDown::Ack { next_index }).await.is_err() {
                    return;
                }
            }
            Ok(RunnerUp::DirectiveDone { seq, outcome }) => {
                let outcome = format!("{outcome:?}").to_lowercase();
                state.lock().unwrap().done.push((seq, outcome));
                changed.notify_waiters();
            }
            Ok(RunnerUp::Hello(_)) | Err(_) => {
                state.lock().unwrap().problems.push(format!("not expected: {text}"));
                changed.notify_waiters();
                return;
            }
        }
    }
}

fn take(state: &mut State, first: u64, texts: Vec<String>) {
    if texts.len() > BATCH_EVENTS {
        state.problems.push(format!("a batch of {}", texts.len()));
    }
    for (index, text) in (first..).zip(texts) {
        let index = usize::try_from(index).unwrap();
        if let Some(known) = state.texts.get(index) {
            if *known != text {
                state.problems.push(format!("event {index} was {known} and is now {text}"));
            }
        } else if index == state.texts.len() {
            if let Err(error) = convene_core::event::EventData::from_json(&text) {
                state.problems.push(format!("{error}: {text}"));
            }
            state.events.push(serde_json::from_str(&text).unwrap_or_default());
            state.texts.push(text);
        } else {
            state.problems.push(format!("event {index} after {}", state.texts.len()));
        }
    }
}

async fn send<S>(socket: &mut WebSocketStream<S>, frame: &RunnerDown) -> Result<(), ()>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let text = serde_json::to_string(frame).map_err(|_| ())?;
    socket.send(Message::text(text)).await.map_err(|_| ())
}
