use std::collections::BTreeMap;

use uuid::Uuid;

use super::*;
use crate::{
    command::Create,
    session::{Phase, create},
};

fn state() -> SessionState {
    let new = Create {
        spec: serde_json::from_str(r#"{"agent": "builtin", "cwd": "/repo"}"#).unwrap(),
        thread: ThreadId::new(Uuid::from_u128(2)),
        owner: "ada".to_owned(),
        namespace: "default".to_owned(),
        origin: Origin::User,
        title: "T".to_owned(),
        labels: BTreeMap::new(),
        prompt: None,
        fork: None,
    };
    create(SessionId::new(Uuid::from_u128(1)), new, Timestamp::UNIX_EPOCH, &mut || 1).unwrap().state
}

fn stopped(cause: StopCause) -> Phase {
    Phase::Stopped { cause, detail: None, verified: true, step: None }
}

#[test]
fn the_badge_says_what_matters_most() {
    let mut state = state();
    assert_eq!(badge(&state), Badge::Pending);
    state.phase = Phase::Hibernated;
    assert_eq!(badge(&state), Badge::Hibernated);
    state.needs_you_since = Some(Timestamp::UNIX_EPOCH);
    assert_eq!(badge(&state), Badge::NeedsYou);
    state.agent.auth_required = true;
    assert_eq!(badge(&state), Badge::WaitingForAuth);
    for (cause, word) in [
        (StopCause::Completed, Badge::Stopped),
        (StopCause::UserRequested, Badge::Stopped),
        (StopCause::Shutdown, Badge::Stopped),
        (StopCause::Failed, Badge::Failed),
        (StopCause::AgentExited, Badge::Failed),
        (StopCause::Timeout, Badge::Failed),
    ] {
        state.phase = stopped(cause);
        assert_eq!(badge(&state), word, "{cause:?}");
    }
    state.failure = Some(Failure::new(FailureKind::ProviderAuthFailure, "sign in"));
    state.phase = stopped(StopCause::Failed);
    assert_eq!(badge(&state), Badge::WaitingForAuth);
    state.phase = stopped(StopCause::UserRequested);
    assert_eq!(badge(&state), Badge::Stopped, "it was stopped, whatever it waited for");
}

#[test]
fn a_badge_is_spelled_as_in_json() {
    use Badge::{Failed, Hibernated, Idle, NeedsYou, Pending, Running, Stopped, WaitingForAuth};
    for badge in [Failed, Stopped, WaitingForAuth, NeedsYou, Pending, Running, Idle, Hibernated] {
        assert_eq!(serde_json::to_value(badge).unwrap(), badge.to_string());
    }
}

#[test]
fn a_thread_shows_its_latest_session() {
    let id = ThreadId::new(Uuid::from_u128(2));
    let event = crate::thread::ThreadEvent::ThreadCreated {
        owner: "ada".to_owned(),
        namespace: "default".to_owned(),
        title: "T".to_owned(),
        topic: String::new(),
        labels: BTreeMap::new(),
        own: false,
    };
    let thread_state = ThreadState::fold(None, id, &event, 1, 1, Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(thread(&thread_state, &[]).state, None);
    let older = state();
    let newer = SessionState { id: SessionId::new(Uuid::from_u128(9)), phase: Phase::Hibernated, ..state() };
    let shown = thread(&thread_state, &[Arc::new(older), Arc::new(newer)]);
    assert_eq!(
        (shown.state.as_deref(), shown.badge, shown.sessions.len()),
        (Some("hibernated"), Some(Badge::Hibernated), 2)
    );
}

#[test]
fn a_view_reads_back() {
    let shown = session(&state());
    let text = serde_json::to_string(&shown).unwrap();
    assert_eq!(serde_json::from_str::<SessionView>(&text).unwrap(), shown);
}
