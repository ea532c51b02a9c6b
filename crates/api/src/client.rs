//! Reaches the server: typed requests that are retried under one idempotency key, and event streams that go on by
//! cursor.
//!
//! Each request has a connection of its own, driven by the caller's future, so that no task is left behind and a
//! dropped call closes its socket.
//!
//! ```no_run
//! # async fn job() -> Result<(), convene_api::client::ClientError> {
//! use convene_api::{
//!     body::{CreateSession, PromptInput},
//!     client::{Client, CommandKey, SessionsQuery, StreamItem},
//! };
//! use convene_core::event::{EventBody, KnownEvent};
//!
//! let endpoint = "http://127.0.0.1:4747".parse().expect("an address");
//! let client = Client::new(endpoint, std::env::var("CONVENE_TOKEN").ok());
//! let prompt = Some(PromptInput::Text("make the cart test pass".to_owned()));
//! let body = CreateSession { prompt, ..CreateSession::default() };
//! // A retry under the same key makes no second session.
//! let created = client.create_session(&body, &CommandKey::fresh()).await?;
//! let mut events = client.follow(created.session.id, 0);
//! loop {
//!     // Broken connections are mended by cursor: no event is missed, none comes twice.
//!     if let StreamItem::Event(event) = events.next().await? {
//!         println!("{}", event.json);
//!         if let EventBody::Known(KnownEvent::TurnEnded { .. }) = event.data.body {
//!             break;
//!         }
//!     }
//! }
//! let mut pages = client.session_pages(&SessionsQuery::default());
//! while let Some(page) = pages.next().await? {
//!     println!("{} sessions", page.items.len());
//! }
//! # Ok(())
//! # }
//! ```

mod connection;
mod endpoint;
mod error;
mod list;
mod pages;
mod query;
mod redial;
mod routes;
mod stream;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::problem::{Code, Problem};

pub use endpoint::{BadUrl, Endpoint};
pub use error::ClientError;
pub use list::{ListItem, ListStream};
pub use pages::Pages;
pub use query::{EventsQuery, SessionsQuery};
pub use stream::{EventStream, SessionEvent, StreamItem};

/// The first pause before a retry; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// For how long a request is tried again by itself, unless the caller says otherwise.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long an answer may take; a command is committed in milliseconds.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
/// From when on the caller is told that a request is still being tried.
const SILENCE: Duration = Duration::from_secs(2);

/// The idempotency key of one mutation; the events that it causes carry it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CommandKey(String);

impl CommandKey {
    /// A key that nobody has used.
    pub fn fresh() -> Self {
        Self(Uuid::now_v7().to_string())
    }

    /// The key as it travels.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Told while a request is tried again: why, and for how long already.
pub type OnRetry = dyn Fn(&ClientError, Duration) + Send + Sync;

/// A way to the server; cheap to clone.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Clone)]
struct Inner {
    endpoint: Endpoint,
    token: Option<String>,
    patience: Duration,
    on_retry: Option<Arc<OnRetry>>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the token.
        f.debug_struct("Client").field("endpoint", &self.inner.endpoint).finish_non_exhaustive()
    }
}

/// One request, which may be sent several times.
pub(crate) struct Call {
    method: Method,
    path: String,
    body: Option<Bytes>,
    key: Option<CommandKey>,
    /// How long the answer may take.
    within: Duration,
}

/// A whole answer.
pub(crate) struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Client {
    /// A client of a server; nothing is sent yet.
    pub fn new(endpoint: Endpoint, token: Option<String>) -> Self {
        Self { inner: Arc::new(Inner { endpoint, token, patience: PATIENCE, on_retry: None }) }
    }

    /// The same client, which tries again for this long.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        Arc::make_mut(&mut self.inner).patience = patience;
        self
    }

    /// The same client, which tells when a request has been tried again for two seconds.
    #[must_use]
    pub fn on_retry(mut self, told: Arc<OnRetry>) -> Self {
        Arc::make_mut(&mut self.inner).on_retry = Some(told);
        self
    }

    /// Where the server is.
    pub fn endpoint(&self) -> &Endpoint {
        &self.inner.endpoint
    }

    fn token(&self) -> Option<&str> {
        self.inner.token.as_deref()
    }

    async fn get<T: DeserializeOwned>(&self, path: impl Into<String>) -> Result<T, ClientError> {
        let call = Call { method: Method::GET, path: path.into(), body: None, key: None, within: ANSWER_WITHIN };
        read(&self.send(&call).await?)
    }

    /// A long answer, piece by piece; `Err` inside is what the taker of the pieces said.
    async fn download(
        &self,
        path: String,
        piece: &mut (dyn FnMut(&[u8]) -> std::io::Result<()> + Send),
    ) -> Result<Result<(), std::io::Error>, ClientError> {
        match connection::download(&self.inner.endpoint, self.token(), &path, piece).await? {
            Ok(answer) if answer.status >= 400 => Err(ClientError::Problem(answer.problem())),
            Ok(_whole) => Ok(Ok(())),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn change<B: Serialize, T: DeserializeOwned>(
        &self,
        method: Method,
        path: impl Into<String>,
        body: Option<&B>,
        key: &CommandKey,
    ) -> Result<T, ClientError> {
        self.change_within(ANSWER_WITHIN, method, path, body, key).await
    }

    /// As `change`, for what takes longer than most.
    async fn change_within<B: Serialize, T: DeserializeOwned>(
        &self,
        within: Duration,
        method: Method,
        path: impl Into<String>,
        body: Option<&B>,
        key: &CommandKey,
    ) -> Result<T, ClientError> {
        let body = match body {
            Some(body) => Some(Bytes::from(serde_json::to_vec(body).map_err(ClientError::request)?)),
            None => None,
        };
        let call = Call { method, path: path.into(), body, key: Some(key.clone()), within };
        read(&self.send(&call).await?)
    }

    /// Sends until there is an answer, the patience is over, or nobody was there in the first place.
    async fn send(&self, call: &Call) -> Result<Answer, ClientError> {
        let started = Instant::now();
        let mut pause = FIRST_PAUSE;
        let mut told = false;
        let mut reached = false;
        loop {
            let (error, wait) = match connection::exchange(&self.inner.endpoint, self.token(), call).await {
                Ok(answer) if answer.status < 400 => return Ok(answer),
                Ok(answer) => {
                    reached = true;
                    let wait = answer.retry_after();
                    let error = ClientError::Problem(answer.problem());
                    if !error.passes_by_itself() {
                        return Err(error);
                    }
                    (error, wait.unwrap_or(pause))
                }
                // A server that was never there does not come by waiting.
                Err(error @ ClientError::Unreachable { .. }) if !reached => return Err(error),
                Err(error @ (ClientError::Unreachable { .. } | ClientError::Lost { .. })) => {
                    reached = true;
                    (error, pause)
                }
                Err(error) => return Err(error),
            };
            let waited = started.elapsed();
            if waited + wait > self.inner.patience {
                return Err(error);
            }
            if !told && waited >= SILENCE {
                told = true;
                if let Some(tell) = &self.inner.on_retry {
                    tell(&error, waited);
                }
            }
            sleep(wait).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

impl Answer {
    fn retry_after(&self) -> Option<Duration> {
        let seconds = self.headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
        Some(Duration::from_secs(seconds))
    }

    /// The problem of a refusal; of one that is none, what can be said.
    fn problem(&self) -> Problem {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| {
            let text: String = String::from_utf8_lossy(&self.body).chars().take(200).collect();
            Problem::new(Code::for_status(self.status), format!("the server answered {}: {text:?}", self.status))
        })
    }
}

fn read<T: DeserializeOwned>(answer: &Answer) -> Result<T, ClientError> {
    // An answer without a body reads as `null`, which is what `()` and `Option` want.
    let text: &[u8] = if answer.body.is_empty() { b"null" } else { &answer.body };
    serde_json::from_slice(text).map_err(ClientError::answer)
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
