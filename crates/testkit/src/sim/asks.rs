//! What clients ask for.

use std::{collections::BTreeMap, sync::Arc};

use convene_core::{
    command::{Command, NewPrompt},
    content::ContentBlock,
    event::{EventBody, EventData, Fork, KnownEvent, StopMode},
    failure::StopCause,
    ids::TurnId,
    session::{Rewind, SessionState},
    spec::{CrashPolicy, OnTurnEnd, SessionSpec, TurnSource},
};
use convene_engine::Published;
use convene_store::{EventFilter, Reader as _};

use super::{
    machine::Around,
    server::{Disk, Up},
};

/// A prompt for a new turn.
pub(super) fn prompt<D: Disk>(around: &mut Around<'_, D>) -> NewPrompt {
    let turn = TurnId::new(around.env.ids.uuid());
    // Now and then one that is refused.
    let text = if around.rng.percent(5) { " " } else { "do it" };
    NewPrompt { turn, content: Arc::new(vec![ContentBlock::text(text)]), source: TurnSource::User }
}

/// What a new session is to be like.
pub(super) fn spec<D: Disk>(around: &mut Around<'_, D>) -> SessionSpec {
    SessionSpec {
        agent: "builtin".to_owned(),
        cwd: "/repo".to_owned(),
        worktree: None,
        add_dirs: Vec::new(),
        system_prompt: None,
        model: None,
        mode: None,
        config: BTreeMap::new(),
        permissions: around
            .rng
            .pick(&[Default::default(), convene_core::spec::PermissionMode::All])
            .unwrap_or_default(),
        env: BTreeMap::new(),
        mcp_servers: Vec::new(),
        worker: None,
        timeout: around.rng.pick(&[0, 0, 30]).unwrap_or_default(),
        inactivity_warn: around.rng.pick(&[0, 20]).unwrap_or_default(),
        inactivity_timeout: around.rng.pick(&[0, 0, 60]).unwrap_or_default(),
        ask_timeout: convene_core::limits::ASK_TIMEOUT,
        on_turn_end: around.rng.pick(&[OnTurnEnd::Keep, OnTurnEnd::Keep, OnTurnEnd::Stop]).unwrap_or_default(),
        crash_policy: around.rng.pick(&[CrashPolicy::Ask, CrashPolicy::Resume, CrashPolicy::Fail]).unwrap_or_default(),
    }
}

/// As a server's handler makes it: not of a turn that runs.
pub(super) fn fork_of(state: &SessionState) -> Option<Fork> {
    let agent_session_id = state.agent.session_id.clone();
    state.phase.turn().is_none().then_some(Fork { session: state.id, seq: state.seq, agent_session_id })
}

/// A person stops a session.
pub(super) fn stop(mode: StopMode) -> Command {
    Command::Stop { cause: StopCause::UserRequested, mode, message: None, by: "sim".to_owned() }
}

/// As a server's handler makes it: back to before some prompt, as the log has it now.
pub(super) fn rewind_of<D: Disk>(up: &Up<D>, published: &Published, pick: impl Fn(usize) -> usize) -> Option<Rewind> {
    let filter = EventFilter { limit: usize::MAX, ..EventFilter::default() };
    let rows = up.reader.events(published.log, &filter).ok()?;
    let begun = |data: &EventData| match (&data.body, data.turn) {
        (EventBody::Known(KnownEvent::TurnStarted { number }), Some(turn)) => Some((turn, *number)),
        _ => None,
    };
    let turns: Vec<(u64, TurnId, u32)> = rows
        .iter()
        .filter_map(|row| Some((row.seq, begun(&EventData::from_json(&row.data).ok()?)?)))
        .map(|(seq, (turn, number))| (seq, turn, number))
        .filter(|(seq, ..)| *seq > published.state.cleared_seq)
        .collect();
    let place = pick(turns.len());
    let (seq, prompt, number) = turns.get(place).copied()?;
    let kept = u32::try_from(place).unwrap_or(u32::MAX);
    Some(Rewind { to_seq: seq - 1, prompt, number, kept, expected: published.state.seq })
}
