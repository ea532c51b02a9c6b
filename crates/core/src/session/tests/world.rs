//! A session with its log, a clock and an id source, all of which say the same in every run.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    command::{BusyMode, Choice, Command, Create, NewPrompt},
    content::{Channel, ContentBlock, PermissionKind, PermissionOption, Role, ToolCall, ToolStatus},
    directive::Order,
    event::{AwakeReason, Event, EventBody, EventData, KnownEvent, SessionOpening, StopMode},
    failure::{AttemptExit, Failure, FailureKind, StopCause, StopReason},
    ids::{ElicitationId, InstanceId, MessageId, PermissionId, SessionId, ThreadId, TurnId, WorkerName},
    limits,
    rejection::Rejection,
    repair::{Analysis, Line, Standing},
    session::{Decision, Doubt, Phase, Rewind, SessionState, break_off, create, handle},
    spec::{Origin, SessionSpec, TurnSource},
};

#[derive(Clone)]
pub struct World {
    pub state: SessionState,
    pub log: Vec<Event>,
    pos: u64,
    clock: i64,
    ids: u128,
}

pub fn spec() -> SessionSpec {
    serde_json::from_str(r#"{"agent": "builtin", "cwd": "/repo"}"#).unwrap()
}

pub fn instance(n: u128) -> InstanceId {
    InstanceId::new(Uuid::from_u128(0xA000 + n))
}

pub fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(1_800_000_000_000 + ms).unwrap()
}

impl World {
    /// A pending session without a prompt.
    pub fn new(spec: SessionSpec) -> Self {
        Self::begin(spec, None)
    }

    /// A pending session with a prompt, whose turn is the first of `turns`.
    pub fn prompted(spec: SessionSpec) -> Self {
        Self::begin(spec, Some("Mend the tests\nand say how"))
    }

    fn begin(spec: SessionSpec, prompt: Option<&str>) -> Self {
        let prompt = prompt.map(|text| NewPrompt {
            turn: TurnId::new(Uuid::from_u128(0x100)),
            content: Arc::new(vec![ContentBlock::text(text)]),
            source: TurnSource::User,
        });
        let new = Create {
            spec,
            thread: ThreadId::new(Uuid::from_u128(2)),
            owner: "ada".to_owned(),
            namespace: "default".to_owned(),
            origin: Origin::User,
            title: String::new(),
            labels: BTreeMap::new(),
            prompt,
            fork: None,
        };
        let mut pos = 10;
        let decision = create(SessionId::new(Uuid::from_u128(1)), new, at(0), &mut || {
            pos += 1;
            pos
        });
        let decision = decision.unwrap();
        let this = Self { state: decision.state, log: decision.events, pos, clock: 0, ids: 0x100 };
        this.check_fold();
        this
    }

    /// Decides a command a second later, checks what must hold of every decision, and takes it over.
    pub fn run(&mut self, command: Command) -> Result<Vec<Event>, Rejection> {
        self.clock += 1000;
        let mut pos = self.pos;
        let decision = handle(&self.state, command, at(self.clock), &mut || {
            // The store's order has holes from a session's point of view.
            pos += 3;
            pos
        })?;
        self.pos = pos;
        Ok(self.take(decision))
    }

    /// Breaks it off, as a repair does or whoever makes a database anew.
    pub fn break_off(&mut self, doubt: Doubt) -> Vec<Event> {
        self.clock += 1000;
        let mut pos = self.pos;
        let decision = break_off(&self.state, doubt, at(self.clock), &mut || {
            pos += 1;
            pos
        });
        self.pos = pos;
        self.take(decision)
    }

    fn take(&mut self, decision: Decision) -> Vec<Event> {
        let mut folded = self.state.clone();
        for event in &decision.events {
            assert_eq!(event.seq, folded.seq + 1, "seq is gapless");
            assert!(event.pos > folded.pos, "pos ascends");
            folded.apply(event);
        }
        assert_eq!(folded, decision.state, "the decided state is the fold of the events");
        self.state = decision.state;
        self.log.extend(decision.events.iter().cloned());
        decision.events
    }

    /// Lets time go by.
    pub fn later(&mut self, seconds: u64) {
        self.clock += i64::try_from(seconds).unwrap() * 1000;
    }

    /// Runs a command that must be taken.
    #[track_caller]
    pub fn ok(&mut self, command: Command) -> Vec<Event> {
        self.run(command).unwrap()
    }

    /// Runs commands that must be taken.
    #[track_caller]
    pub fn all(&mut self, commands: impl IntoIterator<Item = Command>) -> &mut Self {
        for command in commands {
            self.ok(command);
        }
        self
    }

    /// The log folds to the state from its first event on.
    pub fn check_fold(&self) {
        let mut folded = SessionState::begin(&self.log[0]).unwrap();
        for event in &self.log[1..] {
            folded.apply(event);
        }
        assert_eq!(folded, self.state);
    }

    pub fn id(&mut self) -> Uuid {
        self.ids += 1;
        Uuid::from_u128(self.ids)
    }

    pub fn attempt(&self) -> u32 {
        self.state.attempts
    }

    pub fn turn(&self) -> TurnId {
        self.state.phase.turn().unwrap().id
    }

    pub fn tags(&self) -> Vec<&str> {
        self.log.iter().map(|e| e.data.tag()).collect()
    }

    pub fn orders(&self) -> Vec<&Order> {
        self.state.directives.iter().map(|d| &d.order).collect()
    }

    /// The ends of turns that the log tells.
    pub fn ends(&self) -> Vec<(TurnId, StopReason)> {
        let end = |event: &Event| match &event.data.body {
            EventBody::Known(KnownEvent::TurnEnded { stop_reason, .. }) => Some((event.data.turn?, *stop_reason)),
            EventBody::Known(_) | EventBody::Unknown(_) => None,
        };
        self.log.iter().filter_map(end).collect()
    }

    #[track_caller]
    pub fn stopped(&self) -> (StopCause, bool, Option<Failure>) {
        let Phase::Stopped { cause, verified, .. } = &self.state.phase else {
            panic!("it is {}", self.state.phase.name());
        };
        (*cause, *verified, self.state.failure.clone())
    }

    // Commands.

    pub fn prompt(&mut self, text: &str) -> Command {
        self.prompt_as(text, BusyMode::Queue)
    }

    pub fn interrupt(&mut self, text: &str) -> Command {
        self.prompt_as(text, BusyMode::Interrupt)
    }

    fn prompt_as(&mut self, text: &str, busy: BusyMode) -> Command {
        let turn = TurnId::new(self.id());
        let content = Arc::new(vec![ContentBlock::text(text)]);
        Command::Prompt { prompt: NewPrompt { turn, content, source: TurnSource::User }, busy }
    }

    pub fn assign(&self) -> Command {
        Command::Assign { worker: WorkerName::new("local"), above: 0 }
    }

    pub fn hello(&self) -> Command {
        Command::Hello { attempt: self.attempt(), instance: instance(0), version: "1".to_owned() }
    }

    /// A report of the current runner, right after what it reported before.
    pub fn report(&self, events: impl IntoIterator<Item = EventData>) -> Command {
        Command::Report {
            attempt: self.attempt(),
            instance: instance(0),
            first_index: self.state.next_index,
            events: events.into_iter().collect(),
        }
    }

    pub fn end(&self, exit: AttemptExit) -> Command {
        Command::EndAttempt { attempt: self.attempt(), exit }
    }

    // Places to start from.

    /// With a runner that said hello.
    #[track_caller]
    pub fn with_runner(mut self) -> Self {
        self.all([self.assign()]).all_with(|w| w.hello());
        self
    }

    /// With an agent that is ready.
    #[track_caller]
    pub fn with_agent(self) -> Self {
        let mut this = self.with_runner();
        this.ok(this.report([ready()]));
        this
    }

    /// With a turn that the agent has.
    #[track_caller]
    pub fn with_turn(self) -> Self {
        let mut this = self.with_agent();
        let turn = this.turn();
        this.ok(this.report([handed_over(turn)]));
        this
    }

    /// Idle after its first turn, with an agent that can load its session again.
    #[track_caller]
    pub fn said(spec: SessionSpec) -> Self {
        let mut this = Self::prompted(spec).with_runner();
        this.ok(this.report([able(), ready()]));
        let turn = this.turn();
        this.ok(this.report([handed_over(turn), says(7, "done"), ended(turn, StopReason::EndTurn)]));
        this
    }

    fn all_with(&mut self, command: impl FnOnce(&Self) -> Command) {
        let command = command(self);
        self.ok(command);
    }
}

// What a runner reports.

pub fn ready() -> EventData {
    let how = SessionOpening::New;
    EventData::new(KnownEvent::AgentSessionStarted { agent_session_id: "agent-1".to_owned(), how })
}

pub fn able() -> EventData {
    EventData::new(KnownEvent::AgentInitialized {
        name: "agent".to_owned(),
        title: None,
        version: "1".to_owned(),
        protocol_version: 1,
        capabilities: Arc::new(serde_json::json!({"loadSession": true})),
        auth_methods: Vec::new(),
    })
}

pub fn awake() -> EventData {
    EventData::new(KnownEvent::SessionKeptAwake { why: AwakeReason::LiveWork, detail: "a server".to_owned() })
}

pub fn handed_over(turn: TurnId) -> EventData {
    EventData::new(KnownEvent::TurnHandedOver {}).turn(turn)
}

pub fn ended(turn: TurnId, stop_reason: StopReason) -> EventData {
    EventData::new(KnownEvent::TurnEnded { stop_reason, failure: None, usage: None }).turn(turn)
}

pub fn says(message: u128, text: &str) -> EventData {
    EventData::new(KnownEvent::MessageAppended {
        message: MessageId::new(Uuid::from_u128(message)),
        role: Role::Agent,
        channel: Channel::Answer,
        content: ContentBlock::text(text),
    })
}

pub fn tool(id: &str, status: ToolStatus) -> EventData {
    let title = Some(format!("Do {id}"));
    let tool_call = ToolCall { id: id.to_owned(), title, status: Some(status), ..ToolCall::default() };
    EventData::new(KnownEvent::ToolCallUpdated { tool_call })
}

pub fn request(n: u128) -> PermissionId {
    PermissionId::new(Uuid::from_u128(0xB000 + n))
}

pub fn options() -> Vec<PermissionOption> {
    let option = |id: &str, kind| PermissionOption { id: id.to_owned(), name: id.to_owned(), kind };
    vec![
        option("yes", PermissionKind::AllowOnce),
        option("always", PermissionKind::AllowAlways),
        option("no", PermissionKind::RejectOnce),
    ]
}

pub fn asks(n: u128) -> EventData {
    let tool_call = ToolCall { id: format!("call-{n}"), kind: Some("edit".to_owned()), ..ToolCall::default() };
    EventData::new(KnownEvent::PermissionRequested { request: request(n), tool_call, options: options() })
}

pub fn question(n: u128) -> ElicitationId {
    ElicitationId::new(Uuid::from_u128(0xC000 + n))
}

pub fn elicits(n: u128) -> EventData {
    let (message, params) = ("Which one?".to_owned(), serde_json::json!({"schema": {}}));
    EventData::new(KnownEvent::ElicitationRequested { request: question(n), message, params })
}

pub fn fails(kind: FailureKind) -> EventData {
    EventData::new(KnownEvent::AttemptFailed { failure: Failure::new(kind, "it did not work") })
}

// What people say.

pub fn picks(n: u128, option: &str) -> Command {
    Command::Decide {
        request: request(n),
        choice: Choice::Option(option.to_owned()),
        message: None,
        by: "ada".to_owned(),
    }
}

pub fn stop(mode: StopMode) -> Command {
    Command::Stop { cause: StopCause::UserRequested, mode, message: None, by: "ada".to_owned() }
}

pub fn hibernate() -> Command {
    Command::Hibernate { recap: false, by: "ada".to_owned() }
}

pub fn resume() -> Command {
    Command::Resume { by: "ada".to_owned() }
}

pub fn clear() -> Command {
    Command::Clear { by: "ada".to_owned() }
}

/// To before a turn of the log, which must be there.
pub fn rewind(w: &World, number: u32) -> Command {
    let started = |event: &&Event| matches!(&event.data.body, EventBody::Known(KnownEvent::TurnStarted { number: n }) if *n == number);
    let found = w.log.iter().find(started);
    let (to_seq, prompt) = found.map_or((0, None), |event| (event.seq - 1, event.data.turn));
    let prompt = prompt.unwrap_or(TurnId::new(Uuid::nil()));
    let to = Rewind { to_seq, prompt, number, kept: number.saturating_sub(1), expected: w.state.seq };
    Command::Rewind { to, by: "ada".to_owned() }
}

/// What a repair would find in the log.
pub fn repair(w: &World) -> Command {
    let mut analysis = Analysis::default();
    for event in &w.log {
        let text = event.data.to_json();
        analysis.take(Line { seq: event.seq, pos: Some(event.pos), kind: None, text: Some(&text) });
    }
    let findings = analysis.finish(Standing::of(&w.state.phase, w.state.seq), true);
    Command::Repair { findings: Box::new(findings), doubt: None, expected: w.state.seq, by: "ada".to_owned() }
}

pub fn cancel() -> Command {
    Command::Cancel { turn: None, by: "ada".to_owned() }
}

pub fn gone() -> AttemptExit {
    AttemptExit { by: "keeper".to_owned(), verified: true, ..AttemptExit::default() }
}

/// What a hostile or broken agent must not be able to grow.
pub fn check_bounds(state: &SessionState) {
    // A turn that was given back goes before a full queue.
    assert!(state.queue.len() <= limits::QUEUE_MAX + 1);
    assert!(state.permissions.len() <= limits::OPEN_QUESTIONS);
    assert!(state.elicitations.len() <= limits::OPEN_QUESTIONS);
    assert!(state.decided.len() <= limits::DECIDED);
    assert!(state.open_tools.len() <= limits::OPEN_TOOLS);
    assert!(state.directives.len() <= limits::DIRECTIVES);
    assert!(state.result.len() <= limits::RESULT);
    assert!(state.last_line.as_ref().is_none_or(|(line, _)| line.len() <= limits::LAST_LINE));
}
