//! Writes the recap of a conversation, for an agent that turns out not to remember it.

use convene_core::{
    event::{Event, EventData},
    ids::SessionId,
    recap::Recap,
    session::{Phase, SessionState},
};
use convene_engine::storage::EventFilter;

use crate::app::App;

/// How far back a log is read, in events: more than what a recap has room for, and little enough to read at each start.
const WINDOW: u64 = 5000;

/// How many forks of forks are followed back.
const FORKS: usize = 4;

/// The conversation of a session whose agent is about to start; `None` if nothing was said, or it has started.
pub(super) async fn recap(app: &App, state: &SessionState) -> Option<String> {
    if !matches!(state.phase, Phase::Starting { .. }) || !state.has_conversation() {
        return None;
    }
    // The oldest part comes first, so the way back is walked before anything is read.
    let mut parts = vec![(state.id, state.cleared_seq, state.seq)];
    let mut fork = state.fork.clone();
    while let Some(from) = fork.take() {
        // The one that it was forked from may be gone; then that part is.
        let Ok(published) = app.engine.session(from.session).await else { break };
        let cleared = if published.state.cleared_seq <= from.seq { published.state.cleared_seq } else { 0 };
        parts.push((from.session, cleared, from.seq));
        if parts.len() <= FORKS && cleared == 0 {
            fork.clone_from(&published.state.fork);
        }
    }
    let mut recap = Recap::default();
    for (id, after, last) in parts.into_iter().rev() {
        read(app, &mut recap, id, after.max(last.saturating_sub(WINDOW)), last).await;
    }
    recap.text()
}

/// Takes in the events after `after` up to `last`, as far as they can be read.
async fn read(app: &App, recap: &mut Recap, id: SessionId, mut after: u64, last: u64) {
    while after < last {
        let limit = usize::try_from(WINDOW).unwrap_or(usize::MAX);
        let filter = EventFilter { after: Some(after), before: Some(last + 1), limit, ..EventFilter::default() };
        let rows = match app.engine.events(id, filter).await {
            Ok(rows) => rows,
            Err(error) => {
                tracing::warn!(session.id = %id, error = %error, "a recap ends early");
                return;
            }
        };
        let Some(end) = rows.last() else { return };
        after = end.seq;
        for row in rows {
            let Ok(data) = EventData::from_json(&row.data) else { continue };
            recap.take(&Event { session: id, seq: row.seq, pos: row.pos, at: row.at, index: row.index, data });
        }
    }
}
