//! Gives pending sessions seats, or records why they wait.

use convene_core::{
    command::Command,
    dispatch::{Placement, WorkerStatus, plan},
    ids::SessionId,
    session::{Phase, Waiting},
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
        match unless_left_over(placement, session, workers) {
            Placement::Seat(worker) => {
                let above = workers.highest_number(session);
                commands.push((session, Command::Assign { worker, above }));
            }
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

/// Two attempts of a session would work in one directory, so a new one waits for the end of an earlier one.
fn unless_left_over(placement: Placement, session: SessionId, workers: &Workers) -> Placement {
    match placement {
        Placement::Seat(worker) if workers.left_over(&worker, session).is_some() => Placement::Wait(Waiting {
            reason: "earlier_attempt".to_owned(),
            detail: format!("worker {worker} is still ending an earlier attempt of it"),
        }),
        Placement::Seat(_) | Placement::Wait(_) => placement,
    }
}
