//! `GET /v1/ws`: one socket for the list and any number of sessions.
//!
//! One task owns the socket. Every topic is a cursor with a reader that sleeps until there is more; nothing is queued
//! for a client. While a write waits for a slow client nothing is read for it, and when it is ready again it goes on
//! from its cursors. A client that takes nothing at all for a while is closed with a reason, and comes back by cursor.

use std::{collections::HashMap, future::Future, pin::Pin, task::Poll, time::Duration};

use axum::{
    Extension,
    extract::{
        State, WebSocketUpgrade,
        ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code},
    },
    response::Response,
};
use convene_api::{
    frame::{ClientFrame, ServerFrame},
    problem::{Code, Problem},
};
use convene_core::ids::SessionId;
use convene_engine::{
    Error, LogReader,
    storage::{EventRow, LogKey, SqliteReader},
};
use futures_util::{
    SinkExt as _, StreamExt as _,
    future::{AbortHandle, Abortable},
    stream::{FuturesUnordered, SplitSink},
};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::{
    cast::Seat,
    list::{Frame, List},
};
use crate::{
    app::App,
    auth::{self, Caller},
    extract::resolve,
    refusal::{Refusal, cursor_too_old, invalid, no_session},
    wire::Wire,
};

/// How often a silent client is asked whether it is there.
const PING: Duration = Duration::from_secs(15);

/// After so long without a sign of life the client is gone.
const DEAD: Duration = Duration::from_secs(45);

/// For so long a write may wait for a client that takes nothing.
const PATIENCE: Duration = Duration::from_secs(30);

/// Topics on one socket; each is a cursor and a waker, so this bounds what a client can make the server hold.
const TOPICS_MAX: usize = 1000;

/// The largest frame of a client.
const CLIENT_FRAME_MAX: usize = 64 << 10;

/// How much is read at once. All of it is filled with zeros before each read, and a socket is read whenever it is
/// written to; clients say little.
const READ: usize = 1 << 10;

/// Opens the socket. The server says `hello` first; then the client subscribes to `list` or sessions.
#[utoipa::path(
    get, path = "/v1/ws", tag = "streams",
    responses((status = 101, description = "See the schemas `ClientFrame` and `ServerFrame`.")),
)]
pub async fn open_socket(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    wire: Option<Extension<Wire>>,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Result<Response, Refusal> {
    let upgrade = upgrade.map_err(|error| invalid("upgrade", format!("this is a WebSocket: {error}")))?;
    let Some(Extension(wire)) = wire else { return Err(invalid("upgrade", "this is a WebSocket").into()) };
    let open = app.sockets.token();
    let upgrade = upgrade.max_message_size(CLIENT_FRAME_MAX).max_frame_size(CLIENT_FRAME_MAX).read_buffer_size(READ);
    Ok(upgrade.on_upgrade(move |socket| async move {
        Socket::run(app, caller, wire, socket).await;
        drop(open);
    }))
}

/// A topic: where a client is, and whether it was told that it has caught up.
struct Topic {
    name: String,
    reader: TopicReader,
    told: bool,
    /// Of its seat, where it has one while it waits.
    seat: u64,
    wire: Wire,
}

enum TopicReader {
    List(Box<List>),
    Log(SessionId, Box<LogReader<SqliteReader>>),
}

/// What a topic's reader came back with.
enum Ready {
    /// There is more.
    More(Topic, Vec<Utf8Bytes>),
    /// There is nothing more for now.
    CaughtUp(Topic),
    /// There may be more, once what was begun is written to its end.
    Behind(Topic),
    /// The session is gone.
    Gone(Topic),
    /// What comes next is lost, and nobody has repaired the log.
    Damaged(Topic, Error),
    Failed(Error),
}

/// A topic's reader, which sleeps until there is more.
type Waiting = Pin<Box<dyn Future<Output = Ready> + Send>>;

struct Socket {
    app: App,
    out: SplitSink<WebSocket, Message>,
    wire: Wire,
    topics: HashMap<String, Sleeping>,
    waiting: FuturesUnordered<Abortable<Waiting>>,
}

/// A topic that waits.
struct Sleeping {
    handle: AbortHandle,
    /// Its log and seat, if it may have one.
    seat: Option<(LogKey, u64)>,
}

/// The socket is done for, with what the client is told.
struct Close {
    code: u16,
    reason: String,
}

/// What happened on the socket.
enum Happened {
    Said(Option<Result<Message, axum::Error>>),
    Ready(Ready),
    Tick,
    /// The token has.
    Ended,
    Closing,
}

impl Socket {
    async fn run(app: App, caller: Caller, wire: Wire, socket: WebSocket) {
        let (out, mut incoming) = socket.split();
        let mut this = Self { app, out, wire, topics: HashMap::new(), waiting: FuturesUnordered::new() };
        let mut heard = Instant::now();
        let mut ticks = interval(PING);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.reset();
        let closing = this.app.closing.clone();
        // A token may end while its socket is open.
        let mut lease = auth::lease(&this.app, caller.shown);
        let mut result = this.hello().await;
        while result.is_ok() {
            let happened = tokio::select! {
                biased;
                () = closing.cancelled() => Happened::Closing,
                () = &mut lease => Happened::Ended,
                said = incoming.next() => Happened::Said(said),
                Some(ready) = this.waiting.next() => match ready {
                    Ok(ready) => Happened::Ready(ready),
                    // Somebody unsubscribed while it slept.
                    Err(_aborted) => continue,
                },
                _ = ticks.tick() => Happened::Tick,
            };
            result = match happened {
                Happened::Said(None | Some(Err(_))) => return,
                Happened::Said(Some(Ok(message))) => {
                    heard = Instant::now();
                    this.take(message).await
                }
                Happened::Ready(ready) => this.deliver(ready).await,
                Happened::Tick if heard.elapsed() > DEAD => return,
                Happened::Tick => this.tick().await,
                Happened::Ended => {
                    Err(Close { code: close_code::POLICY, reason: "unauthorized: the token has ended".to_owned() })
                }
                Happened::Closing => {
                    Err(Close { code: close_code::RESTART, reason: "unavailable: the server is stopping".to_owned() })
                }
            };
        }
        // Nothing comes after the farewell.
        this.waiting.clear();
        if let Err(Close { code, reason }) = result {
            let reason = Utf8Bytes::from(reason);
            // The client may be the one that does not read.
            let farewell = this.out.send(Message::Close(Some(CloseFrame { code, reason })));
            let _too_slow = timeout(Duration::from_secs(1), farewell).await;
        }
    }

    async fn hello(&mut self) -> Result<(), Close> {
        let hello = ServerFrame::Hello {
            version: self.app.config.version.clone(),
            epoch: self.app.engine.shared().epoch,
            server_time: self.app.engine.now(),
        };
        self.say(&hello).await
    }

    async fn tick(&mut self) -> Result<(), Close> {
        self.write([Message::Ping(Vec::new().into())]).await
    }

    async fn take(&mut self, message: Message) -> Result<(), Close> {
        let text = match message {
            Message::Text(text) => text,
            Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Close(_) => return Ok(()),
        };
        match serde_json::from_str::<ClientFrame>(&text) {
            Ok(ClientFrame::Ping {}) => self.say(&ServerFrame::Pong {}).await,
            Ok(ClientFrame::Subscribe { topic, after, epoch }) => self.subscribe(topic, after, epoch).await,
            Ok(ClientFrame::Unsubscribe { topic }) => {
                self.drop_topic(&topic);
                Ok(())
            }
            Err(error) => self.problem(None, invalid("frame", error.to_string())).await,
        }
    }

    async fn subscribe(&mut self, topic: String, after: Option<u64>, epoch: Option<u64>) -> Result<(), Close> {
        if self.topics.len() >= TOPICS_MAX {
            let problem = invalid("topic", format!("a socket has at most {TOPICS_MAX} of them"));
            return self.problem(Some(topic), problem).await;
        }
        let begun =
            if topic == "list" { self.begin_list(after, epoch) } else { self.begin_log(&topic, after, epoch).await };
        match begun {
            Ok(begun) => {
                self.drop_topic(&begun.name);
                self.wait(begun);
                Ok(())
            }
            Err(problem) => self.problem(Some(topic), problem).await,
        }
    }

    fn begin_list(&self, after: Option<u64>, epoch: Option<u64>) -> Result<Topic, Problem> {
        let list = List::open(&self.app, after, epoch)?;
        Ok(self.topic("list".to_owned(), TopicReader::List(Box::new(list))))
    }

    async fn begin_log(&mut self, name: &str, after: Option<u64>, epoch: Option<u64>) -> Result<Topic, Problem> {
        let refused = |error| Refusal::from(error).problem;
        let id = resolve(&self.app, name).await.map_err(|refusal| refusal.problem)?;
        let last = self.app.engine.session(id).await.map_err(refused)?.state.seq;
        if epoch.is_some_and(|of| of != self.app.engine.shared().epoch) {
            return Err(cursor_too_old("the cursor is of another log"));
        }
        let after = after.unwrap_or(last);
        if after > last {
            return Err(cursor_too_old(format!("the log of {id} ends at {last}")));
        }
        let reader = self.app.engine.follow(id, after).await.map_err(refused)?;
        Ok(self.topic(id.to_string(), TopicReader::Log(id, Box::new(reader))))
    }

    fn topic(&self, name: String, reader: TopicReader) -> Topic {
        Topic { name, reader, told: false, seat: self.app.hall.number(), wire: self.wire.clone() }
    }

    async fn deliver(&mut self, ready: Ready) -> Result<(), Close> {
        match ready {
            Ready::More(topic, texts) => {
                let frames = texts.len();
                self.write(texts.into_iter().map(Message::text)).await?;
                // What was catching up tells nothing about how fast a commit reaches a client.
                if topic.told {
                    self.app.metrics.delivered(frames, self.app.engine.shared().metrics.since_publish());
                }
                self.wait(topic);
                Ok(())
            }
            Ready::CaughtUp(topic) => {
                self.say(&ServerFrame::CaughtUp { topic: topic.name.clone(), after: topic.after() }).await?;
                self.wait(topic);
                Ok(())
            }
            Ready::Behind(topic) => {
                patient(self.out.flush()).await?;
                self.wait(topic);
                Ok(())
            }
            Ready::Gone(topic) => {
                self.topics.remove(&topic.name);
                let problem = no_session(&topic.name);
                self.problem(Some(topic.name), problem).await
            }
            Ready::Damaged(topic, error) => {
                self.topics.remove(&topic.name);
                let problem = Refusal::from(error).problem;
                self.problem(Some(topic.name), problem).await
            }
            Ready::Failed(error) => Err(failed(&error)),
        }
    }

    /// Lets a topic's reader sleep until there is more.
    fn wait(&mut self, topic: Topic) {
        let (handle, registration) = AbortHandle::new_pair();
        let seat = match &topic.reader {
            TopicReader::List(_) => None,
            TopicReader::Log(_, log) => Some((log.log(), topic.seat)),
        };
        self.topics.insert(topic.name.clone(), Sleeping { handle, seat });
        let waiting: Waiting = Box::pin(topic.next(self.app.clone()));
        self.waiting.push(Abortable::new(waiting, registration));
    }

    fn drop_topic(&mut self, topic: &str) {
        if let Some(Sleeping { handle, seat }) = self.topics.remove(topic) {
            handle.abort();
            // What was aborted is dropped a little later, and nothing may be written for it until then.
            if let Some((log, number)) = seat {
                self.app.hall.leave(&self.app, log, number);
            }
        }
    }

    async fn problem(&mut self, topic: Option<String>, problem: Problem) -> Result<(), Close> {
        self.say(&ServerFrame::Problem { topic, problem }).await
    }

    async fn say(&mut self, frame: &ServerFrame) -> Result<(), Close> {
        // Our own frames always serialize: string keys, finite numbers.
        let text = serde_json::to_string(frame).unwrap_or_default();
        self.write([Message::text(text)]).await
    }

    /// Writes messages in one go.
    async fn write(&mut self, messages: impl IntoIterator<Item = Message>) -> Result<(), Close> {
        for message in messages {
            patient(self.out.feed(message)).await?;
        }
        patient(self.out.flush()).await
    }
}

impl Topic {
    const fn after(&self) -> u64 {
        match &self.reader {
            TopicReader::List(list) => list.after(),
            TopicReader::Log(_, log) => log.after(),
        }
    }

    /// The past page by page, then "caught up", then what comes. A page at a time, so that topics take turns.
    async fn next(mut self, app: App) -> Ready {
        let texts = match (&mut self.reader, self.told) {
            (TopicReader::List(list), false) => list.read().await.map(|f| Some(texts_of(f))),
            (TopicReader::List(list), true) => list.next().await.map(|f| Some(texts_of(f))),
            (TopicReader::Log(id, log), told) => {
                let after = log.after();
                match log.read().await {
                    Ok(rows) if rows.is_empty() && told => return self.sit(app).await,
                    Err(Error::Damaged { session, why }) => {
                        return Ready::Damaged(self, Error::Damaged { session, why });
                    }
                    read => read.map(|rows| Some(events_of(&app, *id, after, &rows))),
                }
            }
        };
        match texts {
            Ok(Some(texts)) if texts.is_empty() => {
                self.told = true;
                Ready::CaughtUp(self)
            }
            Ok(Some(texts)) => Ready::More(self, texts),
            Ok(None) => Ready::Gone(self),
            Err(error) => Ready::Failed(error),
        }
    }
}

impl Topic {
    /// Waits in the hall for what comes, or finds that the session is gone.
    async fn sit(mut self, app: App) -> Ready {
        let TopicReader::Log(id, log) = &mut self.reader else { return Ready::Behind(self) };
        match log.is_gone().await {
            Ok(false) => {}
            Ok(true) => return Ready::Gone(self),
            Err(error) => return Ready::Failed(error),
        }
        if let Some(seat) = Seat::take(&app, (*id, log.log()), self.seat, log.after(), self.wire.clone())
            && let Some(after) = seat.given_back().await
        {
            log.skip_to(after);
        }
        Ready::Behind(self)
    }
}

fn texts_of(frames: Vec<Frame>) -> Vec<Utf8Bytes> {
    frames.into_iter().map(|frame| frame.text.into()).collect()
}

/// The frames of events after `after`, and of what is lost between them.
fn events_of(app: &App, id: SessionId, mut after: u64, rows: &[EventRow]) -> Vec<Utf8Bytes> {
    let mut frames = Vec::with_capacity(rows.len());
    for row in rows {
        if row.seq > after + 1 {
            let hole = ServerFrame::Hole { topic: id, after, next: row.seq };
            // Our own frames always serialize: string keys, finite numbers.
            frames.push(serde_json::to_string(&hole).unwrap_or_default().into());
        }
        frames.push(app.texts.frame(id, row));
        after = row.seq;
    }
    frames
}

async fn patient(write: impl Future<Output = Result<(), axum::Error>>) -> Result<(), Close> {
    tokio::pin!(write);
    // Nearly always there is room, and then nobody needs a clock.
    let written = match futures_util::poll!(write.as_mut()) {
        Poll::Ready(written) => Ok(written),
        Poll::Pending => timeout(PATIENCE, write).await,
    };
    match written {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_gone)) => Err(Close { code: close_code::AWAY, reason: String::new() }),
        Err(_) => Err(Close { code: close_code::AGAIN, reason: Code::Lagged.as_str().to_owned() }),
    }
}

/// A reader failed; a reason has at most 123 bytes.
fn failed(error: &Error) -> Close {
    let code = match error {
        Error::Stopped => Code::Unavailable,
        Error::Store(_) => Code::StorageFailed,
        Error::SessionNotFound(_) => Code::SessionNotFound,
        Error::Damaged { .. } => Code::SessionDamaged,
        Error::Rejected(_) | Error::ThreadNotFound(_) | Error::ThreadEmpty(_) | Error::IdempotencyConflict => {
            Code::Internal
        }
    };
    Close { code: close_code::ERROR, reason: code.as_str().to_owned() }
}
