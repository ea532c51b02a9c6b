//! A lie is seen, and a true state is none.

use super::*;

fn session() -> SessionId {
    SessionId::new(uuid::Uuid::from_u128(7))
}

fn process(pid: i32, parent: i32, attempt: u32, command: &str) -> Found {
    Found { pid, parent, session: session().to_string(), attempt, command: command.to_owned() }
}

fn whole(attempt: u32) -> Vec<Found> {
    let ours = "/bin/convene runner --run-dir /tmp/home/run";
    vec![
        process(10, 1, attempt, ours),
        process(11, 10, attempt, ours),
        process(12, 11, attempt, "/bin/fake-agent"),
        process(13, 1, attempt, "/bin/fake-agent --child setsid"),
    ]
}

fn shown(state: &str) -> Shown {
    Shown { session: session(), state: state.to_owned(), attempt: 2, verified: None }
}

#[test]
fn a_family_is_found_by_its_parents() {
    let expected = Family { keeper: 10, runner: Some(11), agent: Some(12) };
    assert_eq!(family(&whole(2), session()), Some(expected));
}

#[test]
fn what_is_idle_or_running_has_its_agent_and_no_other() {
    for state in ["idle", "running"] {
        assert_eq!(lie(&shown(state), &whole(2)), None);
        assert!(lie(&shown(state), &[]).is_some(), "there is no agent");
        assert!(lie(&shown(state), &whole(2)[..2]).is_some(), "the agent is gone");
        assert!(lie(&shown(state), &[whole(1), whole(2)].concat()).is_some(), "two attempts at once");
    }
}

#[test]
fn what_rests_has_no_process_unless_it_says_so() {
    for state in ["stopped", "hibernated", "pending"] {
        assert_eq!(lie(&shown(state), &[]), None);
        assert!(lie(&shown(state), &whole(2)[3..]).is_some(), "a daemon is left");
    }
    assert_eq!(lie(&Shown { verified: Some(false), ..shown("stopped") }, &whole(2)), None);
}

#[test]
fn what_starts_or_stops_has_somebody_who_does_it() {
    for state in ["starting", "stopping"] {
        assert_eq!(lie(&shown(state), &whole(2)[..1]), None);
        assert!(lie(&shown(state), &[]).is_some(), "nobody does it");
    }
}

#[test]
fn only_a_lie_that_lasts_is_told() {
    let (patience, second) = (Duration::from_secs(5), Duration::from_secs);
    let mut watch = Watch::new(patience);
    let idle = [shown("idle")];
    assert!(watch.look(&idle, &[], &idle, second(0)), "it lies, and may not for long");
    assert!(!watch.look(&idle, &whole(2), &idle, second(4)), "it is true now");
    assert!(watch.take_untrue().is_empty());

    let mut watch = Watch::new(patience);
    assert!(watch.look(&idle, &[], &idle, second(0)));
    let stopping = [shown("stopping")];
    assert!(watch.look(&stopping, &[], &stopping, second(4)), "another state is another statement");
    assert!(watch.look(&stopping, &[], &stopping, second(8)));
    assert!(!watch.look(&stopping, &[], &stopping, second(10)), "it is judged");
    assert_eq!(watch.take_untrue().len(), 1);
}

#[test]
fn a_process_of_a_deleted_session_is_told() {
    let mut watch = Watch::new(Duration::from_secs(5));
    assert!(watch.look(&[], &whole(2)[3..], &[], Duration::ZERO));
    assert!(!watch.look(&[], &whole(2)[3..], &[], Duration::from_secs(6)));
    assert_eq!(watch.take_untrue().len(), 1);
}
