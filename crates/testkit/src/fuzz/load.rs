//! The clients that act: each command is a task of its own, which tries again under its key until it has an answer,
//! and writes down what it was promised.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Result, ensure};
use convene_api::{
    body::{
        CancelTurn, CreateSession, DecidePermission, DecisionInput, DeleteSession, ForkSession, HibernateSession,
        PromptInput, PromptMode, SendPrompt, StopSession,
    },
    client::{Client, ClientError, CommandKey},
};
use convene_core::{
    event::StopMode,
    ids::{PermissionId, SessionId, TurnId},
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use super::schedule::{AGENTS, Act, Beside, FORGETFUL, Words};

/// The pause before a request is sent again to a server that is away.
const RETRY: Duration = Duration::from_millis(20);
/// For how long a request is tried.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often a session is tried to be deleted.
const DELETES: usize = 20;
/// The pause between two such tries.
const BETWEEN_DELETES: Duration = Duration::from_millis(100);

/// A prompt that was posted.
#[derive(Debug, Clone)]
pub struct Prompt {
    /// Its number, which is in its text.
    pub number: usize,
    /// What the agent is told to do.
    pub words: Words,
    /// Whether its agent gets a recap before it.
    pub recapped: bool,
}

impl Prompt {
    /// The text. The number comes last, so that it is the last one of what an agent gets that was told of earlier prompts.
    pub fn text(&self) -> String {
        let Words { stream, pause_us, beside } = self.words;
        if self.recapped {
            // In one line, because a recap gives it back behind a name, and is then no command.
            return format!("STREAM {stream} {pause_us} #{}", self.number);
        }
        let beside = match beside {
            Beside::Nothing => "",
            Beside::Tool => "TOOL\n",
            Beside::OpenTool => "TOOL OPEN\n",
            Beside::Thoughts => "THINK 3\n",
            Beside::Question => "PERM\n",
            Beside::Daemons => "DAEMON\n",
            Beside::Abort => "CRASH\n",
        };
        format!("STREAM {stream} {pause_us}\n{beside}#{}", self.number)
    }
}

/// A command that was answered.
#[derive(Debug, Clone)]
pub struct Answered {
    /// Its key.
    pub key: String,
    /// What was asked for.
    pub what: &'static str,
    /// Of which session; of the new one, if one was made.
    pub session: SessionId,
    /// What the answer said.
    pub answer: Answer,
}

/// What an answer said.
#[derive(Debug, Clone)]
pub enum Answer {
    /// It is done; the session's log is at least so long.
    Done {
        /// The last event's place.
        seq: u64,
        /// The prompt that came with it, and its turn.
        prompt: Option<(Prompt, Option<TurnId>)>,
    },
    /// It is refused, by this code.
    Refused(String),
}

/// What all clients share.
#[derive(Default)]
pub struct Ledger {
    /// The session in each place.
    places: Vec<Option<SessionId>>,
    /// Sessions that nobody follows yet.
    fresh: Vec<SessionId>,
    /// Those whose agents forget.
    forgetful: Vec<SessionId>,
    /// Those that are, or may be, deleted.
    pub deleted: Vec<SessionId>,
    /// What was answered.
    pub answered: Vec<Answered>,
    /// What went wrong with a request, apart from refusals.
    pub broken: Vec<String>,
    prompts: usize,
}

impl Ledger {
    /// The sessions in all places.
    pub fn places(&self) -> Vec<Option<SessionId>> {
        self.places.clone()
    }
}

/// The clients.
pub struct Clients {
    client: Client,
    work: String,
    ledger: Arc<Mutex<Ledger>>,
    tasks: JoinSet<()>,
}

impl Clients {
    /// Clients of a server, for sessions in a directory.
    pub fn new(client: Client, work: String, places: usize) -> Self {
        let ledger = Ledger { places: vec![None; places], ..Ledger::default() };
        Self { client: client.patience(PATIENCE), work, ledger: Arc::new(Mutex::new(ledger)), tasks: JoinSet::new() }
    }

    /// Looks at what was written down.
    pub fn ledger<T>(&self, look: impl FnOnce(&mut Ledger) -> T) -> T {
        look(&mut self.ledger.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The session in a place.
    pub fn session(&self, place: usize) -> Option<SessionId> {
        self.ledger(|ledger| ledger.places[place])
    }

    /// The sessions that nobody follows yet.
    pub fn take_fresh(&self) -> Vec<SessionId> {
        self.ledger(|ledger| std::mem::take(&mut ledger.fresh))
    }

    /// Begins an act and does not wait for its end.
    pub fn begin(&mut self, act: Act) {
        self.begin_as(|hand| async move { hand.act(act).await });
    }

    fn begin_as<F: Future<Output = ()> + Send + 'static>(&mut self, act: impl FnOnce(Hand) -> F) {
        let hand = Hand { client: self.client.clone(), work: self.work.clone(), ledger: Arc::clone(&self.ledger) };
        self.tasks.spawn(act(hand));
    }

    /// Begins a prompt to a session, wherever it is.
    pub fn begin_in(&mut self, session: SessionId, words: Words) {
        self.begin_as(move |hand| async move { hand.prompt(session, words, false, PromptMode::Queue).await });
    }

    /// Begins the answers to a session's questions.
    pub fn answer_in(&mut self, session: SessionId) {
        self.begin_as(move |hand| async move { hand.answer(session).await });
    }

    /// Begins the stop of a session.
    pub fn stop_in(&mut self, session: SessionId) {
        self.begin_as(move |hand| async move { hand.change(session, "stop", Request::Stop(StopMode::Now)).await });
    }

    /// Waits until every command has its answer.
    pub async fn finish(&mut self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while let Ok(Some(done)) = tokio::time::timeout_at(deadline, self.tasks.join_next()).await {
            done?;
        }
        ensure!(self.tasks.is_empty(), "{} commands have no answer after {PATIENCE:?}", self.tasks.len());
        Ok(())
    }
}

/// One client with one thing to do.
struct Hand {
    client: Client,
    work: String,
    ledger: Arc<Mutex<Ledger>>,
}

/// A command as it is sent.
enum Request {
    Create(Box<CreateSession>),
    Prompt(SendPrompt),
    Fork(ForkSession),
    Cancel,
    Stop(StopMode),
    Hibernate,
    Resume,
    Clear,
    Delete,
    Decide(PermissionId),
}

/// What is used of an answer.
struct Reply {
    session: SessionId,
    seq: u64,
    turn: Option<TurnId>,
}

impl Hand {
    fn ledger<T>(&self, look: impl FnOnce(&mut Ledger) -> T) -> T {
        look(&mut self.ledger.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn act(&self, act: Act) {
        let session = self.ledger(|ledger| ledger.places[act.place()]);
        match (act, session) {
            (Act::Create { place, agent, words }, left) => {
                self.create(place, agent, words).await;
                // A session is left alone from then on; most of what it has running would only take room.
                if let Some(left) = left {
                    self.change(left, "stop", Request::Stop(StopMode::Now)).await;
                }
            }
            (_, None) => {}
            (Act::Prompt { words, twice, interrupt, .. }, Some(session)) => {
                let mode = if interrupt { PromptMode::Interrupt } else { PromptMode::Queue };
                self.prompt(session, words, twice, mode).await;
            }
            (Act::Delete(place), Some(session)) => self.delete(place, session).await,
            (Act::Fork { place, words }, Some(session)) => self.fork(place, session, words).await,
            (Act::Cancel(_), Some(session)) => self.change(session, "cancel", Request::Cancel).await,
            (Act::Stop(_), Some(session)) => self.change(session, "stop", Request::Stop(StopMode::Graceful)).await,
            (Act::StopNow(_), Some(session)) => self.change(session, "stop", Request::Stop(StopMode::Now)).await,
            (Act::Hibernate(_), Some(session)) => self.change(session, "hibernate", Request::Hibernate).await,
            (Act::Resume(_), Some(session)) => self.change(session, "resume", Request::Resume).await,
            (Act::Clear(_), Some(session)) => self.change(session, "clear", Request::Clear).await,
            (Act::Answer(_), Some(session)) => self.answer(session).await,
        }
    }

    async fn create(&self, place: usize, agent: usize, words: Words) {
        let (agent, _) = AGENTS[agent];
        let prompt = self.next_prompt(words, agent == FORGETFUL);
        let body = CreateSession {
            agent: Some(agent.to_owned()),
            cwd: Some(self.work.clone()),
            prompt: Some(PromptInput::Text(prompt.text())),
            ..CreateSession::default()
        };
        let key = CommandKey::fresh();
        let reply = self.try_long(None, &Request::Create(Box::new(body)), &key).await;
        let Some(reply) = self.unless_refused(&key, "create", None, reply) else { return };
        self.made(place, reply.session, agent == FORGETFUL);
        self.done(&key, "create", &reply, Some(prompt));
    }

    async fn prompt(&self, session: SessionId, words: Words, twice: bool, mode: PromptMode) {
        let prompt = self.next_prompt(words, self.ledger(|l| l.forgetful.contains(&session)));
        let body = SendPrompt { content: PromptInput::Text(prompt.text()), mode };
        let (request, key) = (Request::Prompt(body), CommandKey::fresh());
        let post = || self.try_long(Some(session), &request, &key);
        let reply = if twice {
            let (first, second) = tokio::join!(post(), post());
            if let (Ok(first), Ok(second)) = (&first, &second)
                && first.turn != second.turn
            {
                self.broken(format!("the two answers to key {} name two turns", key.as_str()));
            }
            first.or(second)
        } else {
            post().await
        };
        let Some(reply) = self.unless_refused(&key, "prompt", Some(session), reply) else { return };
        self.done(&key, "prompt", &reply, Some(prompt));
    }

    async fn fork(&self, place: usize, session: SessionId, words: Words) {
        // Most agents cannot fork, so that theirs get a recap.
        let prompt = self.next_prompt(words, true);
        let body = ForkSession { prompt: Some(PromptInput::Text(prompt.text())), title: None };
        let key = CommandKey::fresh();
        let reply = self.try_long(Some(session), &Request::Fork(body), &key).await;
        let Some(reply) = self.unless_refused(&key, "fork", Some(session), reply) else { return };
        self.made(place, reply.session, true);
        self.done(&key, "fork", &reply, Some(prompt));
    }

    /// From here on nothing is known of the session.
    async fn delete(&self, place: usize, session: SessionId) {
        self.ledger(|ledger| {
            ledger.places[place] = None;
            ledger.deleted.push(session);
        });
        self.change(session, "stop", Request::Stop(StopMode::Now)).await;
        // It is refused as long as something of it lives.
        for _ in 0..DELETES {
            if self.is_done(session, "delete", Request::Delete).await {
                return;
            }
            sleep(BETWEEN_DELETES).await;
        }
    }

    async fn answer(&self, session: SessionId) {
        let Ok(view) = self.client.session(&session.to_string()).await else { return };
        for open in view.pending_permissions {
            self.change(session, "decide", Request::Decide(open.request)).await;
        }
    }

    /// A command that says nothing to an agent.
    async fn change(&self, session: SessionId, what: &'static str, request: Request) {
        let _refused_or_done = self.is_done(session, what, request).await;
    }

    /// The same; whether it is done.
    async fn is_done(&self, session: SessionId, what: &'static str, request: Request) -> bool {
        let key = CommandKey::fresh();
        let reply = self.try_long(Some(session), &request, &key).await;
        let Some(reply) = self.unless_refused(&key, what, Some(session), reply) else { return false };
        self.done(&key, what, &reply, None);
        true
    }

    /// Sends again what a server that is away, or has just begun, cannot answer.
    async fn try_long(
        &self,
        session: Option<SessionId>,
        request: &Request,
        key: &CommandKey,
    ) -> Result<Reply, ClientError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.send(session, request, key).await {
                Err(error) if error.passes_by_itself() && Instant::now() < deadline => sleep(RETRY).await,
                answer => return answer,
            }
        }
    }

    async fn send(
        &self,
        session: Option<SessionId>,
        request: &Request,
        key: &CommandKey,
    ) -> Result<Reply, ClientError> {
        let (client, id) = (&self.client, session.unwrap_or(SessionId::new(uuid::Uuid::nil())));
        let view = match request {
            Request::Create(body) => client.create_session(body, key).await?.session,
            Request::Fork(body) => client.fork(id, body, key).await?.session,
            Request::Prompt(body) => {
                let accepted = client.prompt(id, body, key).await?;
                return Ok(Reply { session: id, seq: accepted.cursor.seq, turn: Some(accepted.turn) });
            }
            Request::Cancel => client.cancel(id, &CancelTurn::default(), key).await?,
            Request::Stop(mode) => client.stop(id, &StopSession { mode: *mode, message: None }, key).await?,
            Request::Hibernate => client.hibernate(id, &HibernateSession { recap: true }, key).await?,
            Request::Resume => client.resume(id, key).await?,
            Request::Clear => client.clear(id, key).await?,
            Request::Delete => {
                client.delete_session(id, &DeleteSession::default(), key).await?;
                return Ok(Reply { session: id, seq: 0, turn: None });
            }
            Request::Decide(request) => {
                let decision = Some(DecisionInput::AllowOnce);
                client.decide(id, *request, &DecidePermission { decision, ..Default::default() }, key).await?;
                return Ok(Reply { session: id, seq: 0, turn: None });
            }
        };
        Ok(Reply { session: view.id, seq: view.seq, turn: None })
    }

    fn next_prompt(&self, words: Words, recapped: bool) -> Prompt {
        let number = self.ledger(|ledger| {
            ledger.prompts += 1;
            ledger.prompts
        });
        Prompt { number, words, recapped }
    }

    fn made(&self, place: usize, session: SessionId, forgetful: bool) {
        self.ledger(|ledger| {
            ledger.places[place] = Some(session);
            ledger.fresh.push(session);
            if forgetful {
                ledger.forgetful.push(session);
            }
        });
    }

    fn unless_refused<T>(
        &self,
        key: &CommandKey,
        what: &'static str,
        session: Option<SessionId>,
        answer: Result<T, ClientError>,
    ) -> Option<T> {
        match (answer, session) {
            (Ok(answer), _) => return Some(answer),
            (Err(ClientError::Problem(problem)), Some(session)) if problem.http_status() == 409 => {
                self.note(key, what, session, Answer::Refused(problem.code.to_string()));
            }
            // It was deleted while this was on its way.
            (Err(_), Some(session)) if self.ledger(|ledger| ledger.deleted.contains(&session)) => {}
            (Err(error), _) => self.broken(format!("{what}: {error:?}")),
        }
        None
    }

    fn done(&self, key: &CommandKey, what: &'static str, reply: &Reply, prompt: Option<Prompt>) {
        let prompt = prompt.map(|prompt| (prompt, reply.turn));
        self.note(key, what, reply.session, Answer::Done { seq: reply.seq, prompt });
    }

    fn note(&self, key: &CommandKey, what: &'static str, session: SessionId, answer: Answer) {
        let key = key.as_str().to_owned();
        self.ledger(|ledger| ledger.answered.push(Answered { key, what, session, answer }));
    }

    fn broken(&self, what: String) {
        self.ledger(|ledger| ledger.broken.push(what));
    }
}

/// Sends again what a server that is away, or has just begun, cannot answer.
pub async fn retry<T>(mut send: impl AsyncFnMut() -> Result<T, ClientError>) -> Result<T, ClientError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match send().await {
            Err(error) if error.passes_by_itself() && Instant::now() < deadline => sleep(RETRY).await,
            answer => return answer,
        }
    }
}
