//! Measures what a flood of updates costs the sequencer: parse, decide and serialize, in microseconds an event.
//!
//! `cargo run --release -p convene-core --example report_cost`

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use convene_core::{
    Timestamp,
    command::{Command, Create, NewPrompt},
    content::{Channel, ContentBlock, Role, ToolCall, ToolStatus},
    event::{EventData, KnownEvent, SessionOpening},
    ids::{InstanceId, MessageId, SessionId, ThreadId, TurnId, WorkerName},
    session::{self, SessionState},
    spec::{Origin, SessionSpec, TurnSource},
};
use uuid::Uuid;

const BATCH: u64 = 512;
const BATCHES: u64 = 200;

fn main() {
    for (name, event) in [("message_appended", message as fn(u64) -> KnownEvent), ("tool_call_updated", tool)] {
        measure(name, event);
    }
}

fn measure(name: &str, event: fn(u64) -> KnownEvent) {
    let mut state = running();
    let mut pos = 10;
    let (mut parse, mut decide, mut write, mut bytes) = (Duration::ZERO, Duration::ZERO, Duration::ZERO, 0);
    for batch in 0..BATCHES {
        let first_index = 1 + batch * BATCH;
        let raw: Vec<String> =
            (first_index..first_index + BATCH).map(|i| EventData::new(event(i)).turn(turn()).to_json()).collect();

        let start = Instant::now();
        let events: Vec<EventData> = raw.iter().filter_map(|text| EventData::from_json(text).ok()).collect();
        parse += start.elapsed();

        let start = Instant::now();
        let report = Command::Report { attempt: 1, instance: instance(), first_index, events };
        let decision = session::handle(&state, report, now(), &mut || {
            pos += 1;
            pos
        });
        let Ok(decision) = decision else { return eprintln!("the report was refused") };
        decide += start.elapsed();

        let start = Instant::now();
        for event in &decision.events {
            bytes += event.data.to_json().len();
        }
        write += start.elapsed();
        state = decision.state;
    }
    let each = |time: Duration| time.as_secs_f64() * 1e6 / (BATCH * BATCHES) as f64;
    println!(
        "{name}: parse {:.2} + decide {:.2} + write {:.2} = {:.2} us/event, {} bytes each",
        each(parse),
        each(decide),
        each(write),
        each(parse + decide + write),
        bytes as u64 / (BATCH * BATCHES)
    );
}

fn message(index: u64) -> KnownEvent {
    // A hundred bytes with an escape now and then, and a line break every tenth piece, as models write.
    let end = if index.is_multiple_of(10) { "\n" } else { " " };
    let text = format!(
        "piece {index:06} of \"an answer\" that goes on and on, so that it has about a hundred bytes, see{end}"
    );
    KnownEvent::MessageAppended {
        message: MessageId::new(Uuid::from_u128(7)),
        role: Role::Agent,
        channel: Channel::Answer,
        content: ContentBlock::text(text),
    }
}

fn tool(index: u64) -> KnownEvent {
    let tool_call = ToolCall {
        id: format!("call-{}", index % 7),
        title: Some("Run the tests of the whole workspace".to_owned()),
        kind: Some("execute".to_owned()),
        status: Some(ToolStatus::InProgress),
        ..ToolCall::default()
    };
    KnownEvent::ToolCallUpdated { tool_call }
}

/// A session whose first turn is with the agent.
fn running() -> SessionState {
    let mut pos = 0;
    let mut next = || {
        pos += 1;
        pos
    };
    let create = Create {
        spec: spec(),
        thread: ThreadId::new(Uuid::from_u128(2)),
        owner: "owner".to_owned(),
        namespace: "default".to_owned(),
        origin: Origin::User,
        title: String::new(),
        labels: std::collections::BTreeMap::new(),
        prompt: Some(NewPrompt {
            turn: turn(),
            content: Arc::new(vec![ContentBlock::text("go")]),
            source: TurnSource::User,
        }),
        fork: None,
    };
    let state = session::create(SessionId::new(Uuid::from_u128(1)), create, now(), &mut next);
    let mut state = state.expect("the prompt is not empty").state;
    let opened = KnownEvent::AgentSessionStarted { agent_session_id: "a".to_owned(), how: SessionOpening::New };
    let commands = [
        Command::Assign { worker: WorkerName::new("local"), above: 0 },
        Command::Hello { attempt: 1, instance: instance(), version: String::new() },
        Command::Report { attempt: 1, instance: instance(), first_index: 0, events: vec![EventData::new(opened)] },
    ];
    for command in commands {
        state = session::handle(&state, command, now(), &mut next).expect("the main job is legal").state;
    }
    state
}

fn spec() -> SessionSpec {
    serde_json::from_str(r#"{"agent": "builtin", "cwd": "/repo"}"#).expect("these are all required fields")
}

fn turn() -> TurnId {
    TurnId::new(Uuid::from_u128(3))
}

fn instance() -> InstanceId {
    InstanceId::new(Uuid::from_u128(4))
}

fn now() -> Timestamp {
    Timestamp::UNIX_EPOCH
}
