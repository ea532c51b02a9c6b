//! The engine while nothing can be written: who asks is refused at once, who reports waits, what ends things is tried, and
//! with room again everything goes on.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use convene_core::{
    command::{BusyMode, Command, NewPrompt},
    content::{Channel, ContentBlock, Role},
    event::{EventData, KnownEvent, SessionOpening, StopMode},
    failure::StopCause,
    ids::{InstanceId, MessageId, SessionId, ThreadId, TurnId, WorkerName},
    spec::{Origin, SessionSpec, TurnSource},
};
use convene_engine::{
    Done, Engine, Env, Error, Idempotency, NewSession, Running, ThreadPlace, Work, reconcile, storage,
};
use convene_testkit::{
    fault_store::{Fault, FaultStore, Faults},
    sim::{MemDisk, MemReader},
};
use tokio::{task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;

struct World {
    engine: Engine<MemReader>,
    running: Running,
    faults: Faults,
    session: SessionId,
    instance: InstanceId,
}

fn uuid() -> uuid::Uuid {
    Env::system().ids.uuid()
}

fn prompt() -> Command {
    let content = Arc::new(vec![ContentBlock::text("go")]);
    let prompt = NewPrompt { turn: TurnId::new(uuid()), content, source: TurnSource::User };
    Command::Prompt { prompt, busy: BusyMode::Queue }
}

fn create(id: SessionId) -> Work {
    Work::CreateSession(Box::new(NewSession {
        id,
        spec: SessionSpec::new("builtin", "/tmp"),
        thread: ThreadPlace::New(ThreadId::new(uuid())),
        owner: "ana".to_owned(),
        namespace: "default".to_owned(),
        origin: Origin::User,
        title: String::new(),
        labels: BTreeMap::new(),
        prompt: None,
        fork: None,
    }))
}

fn keyed() -> Option<Idempotency> {
    Some(Idempotency {
        owner: "ana".to_owned(),
        key: "k".into(),
        request: "same".to_owned(),
        render: Box::new(|_| "done".to_owned()),
    })
}

fn says(text: &str) -> EventData {
    EventData::new(KnownEvent::MessageAppended {
        message: MessageId::new(uuid()),
        role: Role::Agent,
        channel: Channel::Answer,
        content: ContentBlock::text(text),
    })
}

impl World {
    /// A session whose agent is ready.
    async fn new() -> Self {
        let (disk, faults) = (MemDisk::default(), Faults::default());
        let store = FaultStore::new(disk.open(), faults.clone());
        let (engine, running) = Engine::start(store, Env::system()).expect("an engine");
        let (session, instance) = (SessionId::new(uuid()), InstanceId::new(uuid()));
        engine.submit(create(session), keyed()).await.expect("made");
        let this = Self { engine, running, faults, session, instance };
        let opened = EventData::new(KnownEvent::AgentSessionStarted {
            agent_session_id: "a".to_owned(),
            how: SessionOpening::New,
        });
        for command in
            [Command::Assign { worker: WorkerName::new("local"), above: 0 }, this.hello(), this.report(0, opened)]
        {
            this.engine.command(this.session, command).await.expect("taken");
        }
        this
    }

    fn hello(&self) -> Command {
        Command::Hello { attempt: 1, instance: self.instance, version: "0".to_owned() }
    }

    fn report(&self, first_index: u64, event: EventData) -> Command {
        Command::Report { attempt: 1, instance: self.instance, first_index, events: vec![event] }
    }

    async fn is_refused(&self, work: Work) {
        let answer = self.engine.submit(work, None).await;
        assert!(
            matches!(&answer, Err(Error::Store(why)) if matches!(**why, storage::Error::Full { .. })),
            "{answer:?}"
        );
    }

    fn end(self) {
        drop(self.engine);
        self.running.join();
    }
}

#[tokio::test]
async fn who_asks_is_refused_and_who_reports_waits_until_there_is_room() {
    let w = World::new().await;
    let cancel = CancellationToken::new();
    let mut looking = JoinSet::new();
    looking.spawn(reconcile::room(w.engine.clone(), cancel.clone()));
    w.faults.fail_all(Fault::Full);
    w.is_refused(Work::Command { session: w.session, command: prompt() }).await;
    assert!(w.engine.shared().no_room().is_some());

    let asked = w.faults.asked();
    w.is_refused(Work::Command { session: w.session, command: prompt() }).await;
    w.is_refused(create(SessionId::new(uuid()))).await;
    let report = w.report(1, says("a word"));
    let reported = w.engine.submit(Work::Command { session: w.session, command: report }, None);
    tokio::pin!(reported);
    // A runner that comes back is welcome, for there is nothing to write.
    w.engine.command(w.session, w.hello()).await.expect("welcome");
    assert!(timeout(Duration::from_millis(50), &mut reported).await.is_err(), "it is acknowledged");
    assert_eq!(w.faults.asked(), asked, "the disk was left alone");
    // What was done before is answered as it was.
    let again = w.engine.submit(create(SessionId::new(uuid())), keyed()).await;
    assert!(matches!(&again, Ok(Done::Replayed(reply)) if reply == "done"), "{again:?}");
    // What ends things is tried.
    let stop =
        Command::Stop { cause: StopCause::UserRequested, mode: StopMode::Now, message: None, by: "ana".to_owned() };
    w.is_refused(Work::Command { session: w.session, command: stop }).await;
    assert_eq!(w.faults.asked(), asked + 1);

    w.faults.heal();
    reported.await.expect("taken");
    assert!(w.engine.shared().no_room().is_none());
    w.engine.command(w.session, prompt()).await.expect("taken");
    let state = w.engine.session(w.session).await.expect("there").state;
    assert_eq!((state.next_index, state.turns), (2, 1));
    cancel.cancel();
    looking.join_next().await.expect("it was begun").expect("it ends");
    w.end();
}

#[tokio::test]
async fn the_last_words_of_what_is_stopped_are_written() {
    let w = World::new().await;
    w.engine.command(w.session, prompt()).await.expect("taken");
    w.faults.fail_all(Fault::Full);
    w.is_refused(Work::Command { session: w.session, command: prompt() }).await;
    let held = w.engine.submit(Work::Command { session: w.session, command: w.report(1, says("a word")) }, None);
    tokio::pin!(held);
    assert!(timeout(Duration::from_millis(50), &mut held).await.is_err(), "it is acknowledged");
    // The reserve makes room, which nobody has looked for yet.
    w.faults.heal();
    let stop =
        Command::Stop { cause: StopCause::UserRequested, mode: StopMode::Now, message: None, by: "ana".to_owned() };
    w.engine.command(w.session, stop).await.expect("taken");
    held.await.expect("what waited is taken, too");
    w.engine.command(w.session, w.report(2, says("the last one"))).await.expect("taken");
    assert!(w.engine.shared().no_room().is_some(), "nobody has looked");
    w.is_refused(Work::Command { session: w.session, command: prompt() }).await;
    w.end();
}

#[tokio::test]
async fn a_failure_that_was_one_holds_nobody() {
    let w = World::new().await;
    w.faults.fail_next(Fault::Refused);
    assert!(w.engine.command(w.session, prompt()).await.is_err());
    assert!(w.engine.shared().no_room().is_none());
    w.engine.command(w.session, prompt()).await.expect("taken");
    w.end();
}

#[tokio::test]
async fn no_more_prompts_wait_than_may() {
    let w = World::new().await;
    w.engine.shared().limit_queue(2);
    for _ in 0..3 {
        w.engine.command(w.session, prompt()).await.expect("one runs, two wait");
    }
    let refused = w.engine.command(w.session, prompt()).await;
    let full = convene_core::rejection::Rejection::QueueFull { length: 2 };
    assert!(matches!(&refused, Err(Error::Rejected(why)) if *why == full), "{refused:?}");
    w.end();
}
