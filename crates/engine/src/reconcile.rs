//! Reconcilers: loops from what is intended to what is. They take no input, run on a nudge and on a period, look only
//! at what is published, and never retry inside: the next pass is the retry.

mod awake;
mod dispatch;
mod room;
mod sleep;
mod supervise;
mod timers;
mod unreachable;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use convene_core::{command::Command, ids::SessionId};
use convene_store::Reader;
use tokio_util::sync::CancellationToken;

use crate::{engine::Engine, error::Error};

pub use awake::{Awake, Windows};
pub use dispatch::pass as dispatch_pass;
pub use room::run as room;
pub use sleep::{LastWatched, idle_pass, memory_pass, seats_pass};
pub use supervise::pass as supervise_pass;
pub use timers::pass as timers_pass;
pub use unreachable::pass as unreachable_pass;

/// The longest time between two passes.
const PERIOD: Duration = Duration::from_secs(1);

/// A lease and its margin, in seconds: what a peer that only lost its network needs to come back. Nobody's time is up
/// before, counted from when the server came up.
const LEASE: i64 = 45;

/// How long a session may wait for a seat before it is said why. Most have one by then; and where many come at once,
/// one transaction tells it of all.
const WAIT_UNTOLD: Duration = Duration::from_millis(50);

/// A pass that takes longer is followed by a pause.
const HARD_WORK: Duration = Duration::from_millis(1);

/// Runs the dispatcher until it is cancelled or the engine has stopped.
pub async fn dispatch<R: Reader>(engine: Engine<R>, cancel: CancellationToken) {
    let shared = Arc::clone(engine.shared());
    let mut untold: Option<Instant> = None;
    let mut nudged = false;
    loop {
        let begun = Instant::now();
        let due = untold.is_some_and(|since| since.elapsed() >= WAIT_UNTOLD);
        let mut commands = Vec::new();
        if nudged && !due && engine.workers().free_seats(&shared) == 0 {
            // Nobody can be placed, and the next whole pass is near.
            untold.get_or_insert(begun);
        } else {
            commands = dispatch_pass(&shared, engine.workers());
            let all = commands.len();
            if !due {
                commands.retain(|(_, command)| !matches!(command, Command::Wait { .. }));
            }
            untold = (commands.len() < all).then(|| untold.unwrap_or(begun));
            commands.extend(seats_pass(&shared, engine.workers(), engine.now()));
        }
        let took = begun.elapsed();
        submit(&engine, commands).await;
        if took > HARD_WORK {
            // With thousands of sessions waiting a pass is work, and each change of one is a nudge: a fifth of a
            // processor is enough, and the nudges that come meanwhile make one pass together.
            tokio::time::sleep(took * 4).await;
        }
        nudged = tokio::select! {
            () = cancel.cancelled() => return,
            () = engine.stopped() => return,
            () = shared.dispatch.notified() => true,
            () = tokio::time::sleep(untold.map_or(PERIOD, |_| WAIT_UNTOLD)) => false,
        };
    }
}

/// Runs the timers until it is cancelled or the engine has stopped.
pub async fn timers<R: Reader>(engine: Engine<R>, cancel: CancellationToken) {
    let shared = Arc::clone(engine.shared());
    let mut awake = Awake::new(engine.now());
    let period = PERIOD / 4;
    loop {
        let now = engine.now();
        let windows = awake.windows(now, period);
        let mut commands = timers_pass(&shared, windows, now);
        commands.extend(supervise_pass(&shared, engine.workers(), windows, now));
        commands.extend(unreachable_pass(&shared, engine.workers(), windows.up, now));
        submit(&engine, commands).await;
        tokio::select! {
            () = cancel.cancelled() => return,
            () = engine.stopped() => return,
            () = tokio::time::sleep(period) => {}
        }
    }
}

/// Puts sessions to sleep that nobody has used or watched for so long, until it is cancelled or the engine has stopped.
pub async fn sleep<R: Reader>(engine: Engine<R>, after: Duration, cancel: CancellationToken) {
    if after.is_zero() {
        return cancel.cancelled().await;
    }
    let shared = Arc::clone(engine.shared());
    let mut watched = LastWatched::default();
    let mut awake = Awake::new(engine.now());
    // A fraction of the time is late enough; a session that is watched is seen to be in each pass.
    let period = (after / 10).clamp(PERIOD / 4, PERIOD * 10);
    loop {
        let now = engine.now();
        let since = awake.since(now, period);
        submit(&engine, idle_pass(&shared, &mut watched, after, since, now)).await;
        tokio::select! {
            () = cancel.cancelled() => return,
            () = engine.stopped() => return,
            () = tokio::time::sleep(period) => {}
        }
    }
}

/// Puts sessions to sleep where agents hold more than `max` bytes of their machine's memory, until it is cancelled or the
/// engine has stopped.
pub async fn memory<R: Reader>(engine: Engine<R>, max: u64, cancel: CancellationToken) {
    if max == 0 {
        return cancel.cancelled().await;
    }
    let shared = Arc::clone(engine.shared());
    loop {
        submit(&engine, memory_pass(&shared, engine.workers(), max, engine.now())).await;
        tokio::select! {
            () = cancel.cancelled() => return,
            () = engine.stopped() => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
    }
}

async fn submit<R: Reader>(engine: &Engine<R>, commands: Vec<(SessionId, Command)>) {
    // All at once, so that one pass is one group.
    let answers = commands.into_iter().map(|(session, command)| engine.command(session, command));
    for answer in futures_util::future::join_all(answers).await {
        match answer {
            // Refused: somebody was faster, and the next pass sees it.
            Ok(_) | Err(Error::Rejected(_) | Error::SessionNotFound(_)) => {}
            // It is known, and said where it began.
            Err(Error::Store(_)) if engine.shared().no_room().is_some() => {}
            Err(error) => tracing::warn!(error = %error, "a reconciler's command failed; the next pass tries again"),
        }
    }
}
