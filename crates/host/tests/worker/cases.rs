//! What a worker does with orders, with ends, and with what an earlier one left.

use convene_api::{
    problem::Code,
    uplink::{Answer, Batch, HeldAttempt, Question, StartAttempt, WorkerDown, WorkerUp},
};
use convene_core::{event::StopMode, failure::AttemptExit, ids::SessionId};
use convene_host::{spool::Records, worker};
use libtest_mimic::Trial;

use crate::fixture::{Link, Machine, wait_until};

pub fn trials() -> Vec<Trial> {
    macro_rules! trials {
        ($($name:ident),* $(,)?) => {
            vec![$(Trial::test(stringify!($name), || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on($name());
                Ok(())
            })),*]
        };
    }
    trials!(
        starts_an_attempt_once_however_often_it_is_ordered,
        refuses_what_it_cannot_start,
        adopts_what_an_earlier_worker_left,
        delivers_a_tail_and_then_the_end,
        begins_again_on_the_next_link,
        keeps_a_tail_that_nobody_wants,
        says_the_end_of_what_it_never_had,
        takes_no_directory_away_from_who_works_there,
        waits_for_its_name_and_goes_when_it_is_sent_away,
    )
}

fn held(start: &StartAttempt) -> HeldAttempt {
    HeldAttempt { session: start.session, attempt: start.attempt }
}

async fn taken(link: &mut Link, start: &StartAttempt) {
    link.say(WorkerDown::StartAttempt(start.clone())).await;
    match link.next().await {
        WorkerUp::Taken { session, attempt } => assert_eq!((session, attempt), (start.session, start.attempt)),
        other => panic!("not taken: {other:?}"),
    }
}

async fn end(link: &mut Link, start: &StartAttempt, mode: StopMode) {
    link.say(WorkerDown::EndAttempt { session: start.session, attempt: start.attempt, mode }).await;
}

async fn tail(link: &mut Link) -> Batch {
    match link.next().await {
        WorkerUp::Tail { batch, .. } => batch,
        other => panic!("no tail: {other:?}"),
    }
}

async fn ack(link: &mut Link, start: &StartAttempt, next_index: Option<u64>) {
    link.say(WorkerDown::TailAck { session: start.session, attempt: start.attempt, next_index }).await;
}

async fn ended(link: &mut Link) -> AttemptExit {
    match link.next().await {
        WorkerUp::Ended { exit, .. } => exit,
        other => panic!("no end: {other:?}"),
    }
}

async fn ended_ack(link: &mut Link, start: &StartAttempt) {
    link.say(WorkerDown::EndedAck { session: start.session, attempt: start.attempt }).await;
}

async fn gone(machine: &Machine, start: &StartAttempt) {
    wait_until("the run directory is removed", || !machine.run_dir(start).exists()).await;
}

async fn launched(machine: &Machine, count: usize) {
    wait_until("the runner is there", || machine.launches() == count).await;
}

async fn starts_an_attempt_once_however_often_it_is_ordered() {
    let machine = Machine::start();
    let (mut link, hello) = machine.linked().await;
    assert!(hello.held.is_empty());
    assert!(hello.agents.iter().any(|agent| agent.name == "stays" && agent.installed));
    assert!(hello.agents.iter().any(|agent| agent.name == "missing" && !agent.installed));
    let start = machine.order("stays");
    // The second order comes while the first is being carried out.
    link.say(WorkerDown::StartAttempt(start.clone())).await;
    taken(&mut link, &start).await;
    taken(&mut link, &start).await;
    launched(&machine, 1).await;

    end(&mut link, &start, StopMode::Now).await;
    assert_eq!(tail(&mut link).await.events.len(), 3);
    ack(&mut link, &start, Some(3)).await;
    let exit = ended(&mut link).await;
    assert_eq!((exit.by.as_str(), exit.verified, exit.survivors), ("keeper", true, 0));
    assert_eq!(exit.runner.and_then(|runner| runner.signal), Some(9));
    ended_ack(&mut link, &start).await;
    gone(&machine, &start).await;
    assert_eq!(machine.launches(), 1);
}

async fn refuses_what_it_cannot_start() {
    let machine = Machine::start();
    let (mut link, _hello) = machine.linked().await;
    std::fs::write(machine.path("file"), "").unwrap();
    let at = |name: &str| StartAttempt { cwd: machine.path(name).display().to_string(), ..machine.order("stays") };
    // Its run directory cannot be made.
    let no_room = machine.order("stays");
    std::fs::write(machine.path("run").join(no_room.session.to_string()), "").unwrap();
    for (start, expected) in [
        (machine.order("nobody"), "agent_unknown"),
        (machine.order("missing"), "agent_not_installed"),
        (machine.order("keyless"), "secret_missing"),
        (at("nowhere"), "cwd_missing"),
        (at("file"), "cwd_not_a_directory"),
        (no_room, "agent_start_failed"),
    ] {
        link.say(WorkerDown::StartAttempt(start.clone())).await;
        match link.next().await {
            WorkerUp::Refused { session, code, detail, .. } => {
                assert_eq!((session, code.as_str()), (start.session, expected), "{detail}");
                assert!(!detail.is_empty());
            }
            other => panic!("{expected}: not refused: {other:?}"),
        }
        assert!(!machine.run_dir(&start).exists(), "{expected}");
    }
    // A refusal is no end: the worker takes the next order.
    let start = machine.order("leaves");
    taken(&mut link, &start).await;
    assert_eq!(tail(&mut link).await.first_index, 0);
}

async fn adopts_what_an_earlier_worker_left() {
    let mut machine = Machine::start();
    let (mut link, _hello) = machine.linked().await;
    let start = machine.order("stays");
    taken(&mut link, &start).await;
    launched(&machine, 1).await;
    machine.stop_worker().await;
    drop(link);

    machine.start_worker();
    let (mut link, hello) = machine.linked().await;
    assert_eq!(hello.held, [held(&start)]);
    // Ordered again: it has it.
    taken(&mut link, &start).await;
    end(&mut link, &start, StopMode::Graceful).await;
    assert_eq!(tail(&mut link).await.events.len(), 3);
    ack(&mut link, &start, Some(3)).await;
    assert!(ended(&mut link).await.verified);
    ended_ack(&mut link, &start).await;
    gone(&machine, &start).await;
    assert_eq!(machine.launches(), 1);
}

async fn delivers_a_tail_and_then_the_end() {
    let machine = Machine::start();
    let (mut link, _hello) = machine.linked().await;
    let start = machine.order("leaves");
    taken(&mut link, &start).await;
    let first = tail(&mut link).await;
    assert_eq!((first.first_index, first.events.len()), (0, 512));
    assert_eq!(first.events[7].get(), r#"{"n":7}"#);
    // The server has more than that already: what it knows is not sent.
    ack(&mut link, &start, Some(600)).await;
    let second = tail(&mut link).await;
    assert_eq!((second.first_index, second.events.len()), (600, 512));
    ack(&mut link, &start, Some(1112)).await;
    let third = tail(&mut link).await;
    assert_eq!((third.first_index, third.events.len()), (1112, 188));
    ack(&mut link, &start, Some(1300)).await;
    let exit = ended(&mut link).await;
    assert_eq!((exit.runner.and_then(|runner| runner.code), exit.verified), (Some(0), true));
    assert!(machine.run_dir(&start).exists(), "nothing is removed before the end is committed");
    ended_ack(&mut link, &start).await;
    gone(&machine, &start).await;
}

async fn begins_again_on_the_next_link() {
    let machine = Machine::start();
    let (mut link, _hello) = machine.linked().await;
    let start = machine.order("leaves");
    taken(&mut link, &start).await;
    tail(&mut link).await;
    drop(link);

    let (mut link, hello) = machine.linked().await;
    assert_eq!(hello.held, [held(&start)]);
    assert_eq!(tail(&mut link).await.first_index, 0);
    ack(&mut link, &start, Some(1300)).await;
    ended(&mut link).await;
    // The acknowledgement of the end is lost.
    drop(link);

    let (mut link, _hello) = machine.linked().await;
    tail(&mut link).await;
    ack(&mut link, &start, Some(1300)).await;
    ended(&mut link).await;
    ended_ack(&mut link, &start).await;
    gone(&machine, &start).await;
    drop(link);
    assert!(machine.linked().await.1.held.is_empty());
}

async fn keeps_a_tail_that_nobody_wants() {
    let machine = Machine::start();
    let (mut link, _hello) = machine.linked().await;
    let start = machine.order("leaves");
    taken(&mut link, &start).await;
    tail(&mut link).await;
    ack(&mut link, &start, None).await;
    assert!(ended(&mut link).await.verified);
    ended_ack(&mut link, &start).await;
    gone(&machine, &start).await;
    let kept = machine.path("tails").join(format!("{}-1.spool", start.session));
    assert_eq!(Records::open(&kept).unwrap().count(), 1300);
}

async fn says_the_end_of_what_it_never_had() {
    let machine = Machine::start();
    let (mut link, _hello) = machine.linked().await;
    let session = SessionId::new(uuid::Uuid::now_v7());
    link.say(WorkerDown::EndAttempt { session, attempt: 3, mode: StopMode::Graceful }).await;
    match link.next().await {
        WorkerUp::Ended { session: told, attempt: 3, exit } => {
            assert_eq!((told, exit.by.as_str(), exit.verified), (session, "worker", true));
        }
        other => panic!("no end: {other:?}"),
    }
}

/// What the worker says to both questions about the worktree of a session.
async fn about_worktree(link: &mut Link, machine: &Machine, start: &StartAttempt) -> Vec<Answer> {
    let (session, path) = (start.session, machine.path("worktrees").join("none").display().to_string());
    let may = Question::MayRemoveWorktree { session, path: path.clone(), force: true };
    let remove = Question::RemoveWorktree { session: Some(session), path, branch: String::new(), force: true };
    let mut answers = Vec::new();
    for (id, question) in [(1, may), (2, remove)] {
        link.say(WorkerDown::Ask { id, question }).await;
        match link.next().await {
            WorkerUp::Answer { id: answered, answer } if answered == id => answers.push(answer),
            other => panic!("no answer: {other:?}"),
        }
    }
    answers
}

async fn takes_no_directory_away_from_who_works_there() {
    let machine = Machine::start();
    let (mut link, _hello) = machine.linked().await;
    let start = machine.order("stays");
    taken(&mut link, &start).await;
    launched(&machine, 1).await;
    for answer in about_worktree(&mut link, &machine, &start).await {
        let Answer::Refused { code, detail, .. } = answer else { panic!("it would take it away: {answer:?}") };
        assert_eq!((code.as_str(), detail.contains("attempt 1")), (Code::WrongState.as_str(), true), "{detail}");
    }
    end(&mut link, &start, StopMode::Now).await;
    tail(&mut link).await;
    // It has ended, whether the server knows that or not: there is nobody any more.
    let answers = about_worktree(&mut link, &machine, &start).await;
    assert_eq!(answers, [Answer::MayRemove {}, Answer::Removed { branch_kept: true }]);
    ack(&mut link, &start, Some(3)).await;
    ended(&mut link).await;
    ended_ack(&mut link, &start).await;
    gone(&machine, &start).await;
}

async fn waits_for_its_name_and_goes_when_it_is_sent_away() {
    let mut machine = Machine::start();
    let (mut link, _hello) = machine.dialed().await;
    let reject = |code: &str| WorkerDown::Rejected { code: code.to_owned(), reason: "because".to_owned() };
    link.say(reject("wrong_state")).await;
    let (mut link, _hello) = machine.dialed().await;
    link.say(reject("protocol_unsupported")).await;
    let error = machine.worker_ended().await;
    assert!(matches!(&error, worker::Error::Rejected { code, .. } if code == "protocol_unsupported"), "{error}");
}
