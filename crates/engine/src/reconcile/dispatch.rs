//! Gives pending sessions seats, or records why they wait.

use convene_core::{
    command::Command,
    dispatch::{Placement, WorkerStatus, plan},
    ids::SessionId,
    session::Phase,
};

use crate::{shared::Shared, workers::Workers};

/// One pass: the commands that would bring every pending session forward.
pub fn pass(shared: &Shared, workers: &Workers) -> Vec<(SessionId, Command)> {
    let mut pending = shared.sessions_where(|s| matches!(s.phase, Phase::Pending { .. }) && !s.deleted);
    if pending.is_empty() {
        return Vec::new();
    }
    // Oldest want first.
    pending.sort_by_key(|p| (p.state.last_prompt_at.unwrap_or(p.state.created_at), p.created_pos));
    let candidates: Vec<_> = pending.iter().filter_map(|p| p.state.candidate()).collect();
    let statuses: Vec<WorkerStatus> = workers.all().into_iter().map(|w| w.status).collect();
    let placements = plan(&candidates, &statuses, &Workers::seats_taken(shared));
    let mut commands = Vec::new();
    for ((session, placement), published) in placements.into_iter().zip(&pending) {
        match placement {
            Placement::Seat(worker) => commands.push((session, Command::Assign { worker })),
            Placement::Wait(why) => {
                let said = matches!(&published.state.phase, Phase::Pending { waiting: Some(w) } if *w == why);
                if !said {
                    commands.push((session, Command::Wait { reason: why.reason, detail: why.detail }));
                }
            }
        }
    }
    commands
}
