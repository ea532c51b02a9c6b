//! The log of a server in the words of its sessions: one line for each step of a session's life, with the session, turn,
//! attempt and worker it belongs to. Never what was said.

use convene_core::{
    event::{Event, EventBody, KnownEvent},
    ids::WorkerName,
    session::SessionState,
};

use crate::metrics::Metrics;

/// The steps that are told, and in which words.
const TOLD: &[(&str, &str)] = &[
    ("session_created", "a session was made"),
    ("session_waiting", "a session waits for a seat"),
    ("session_stopping", "a session is being stopped"),
    ("session_stopped", "a session has stopped"),
    ("session_resumed", "a session is resumed"),
    ("session_hibernating", "a session is being put to sleep"),
    ("session_kept_awake", "a session stays awake"),
    ("session_hibernated", "a session sleeps"),
    ("session_cleared", "a session was cleared"),
    ("session_rewound", "a session was taken back"),
    ("repair_completed", "a log was repaired"),
    ("session_archived", "a session was archived"),
    ("session_deleted", "a session was removed"),
    ("attempt_assigned", "an attempt has a seat"),
    ("attempt_refused", "a worker refused an attempt"),
    ("attempt_started", "a runner has begun"),
    ("attempt_failed", "an attempt cannot go on"),
    ("attempt_ended", "an attempt is over"),
    ("agent_launched", "an agent runs"),
    ("agent_session_started", "an agent is ready"),
    ("agent_context_lost", "an agent does not remember"),
    ("agent_auth_required", "an agent wants somebody to sign in"),
    ("agent_exited", "an agent has ended"),
    ("turn_queued", "a prompt was queued"),
    ("turn_started", "a turn was given to its runner"),
    ("turn_handed_over", "a prompt was handed over"),
    ("turn_requeued", "a turn waits again"),
    ("turn_cancel_requested", "a turn is being cancelled"),
    ("turn_ended", "a turn has ended"),
    ("permission_requested", "an agent asks"),
    ("permission_decided", "a question was decided"),
];

/// A step of a session's life, kept until it is committed.
#[derive(Debug)]
pub(crate) struct Step {
    event: Event,
    words: &'static str,
    worker: Option<WorkerName>,
    /// How long the hop took that ends with it: its name, and milliseconds.
    hop: Option<(&'static str, i64)>,
}

impl Step {
    /// The step that an event is, if it is one; `state` is the session after it.
    pub(crate) fn of(event: &Event, state: &SessionState) -> Option<Self> {
        let EventBody::Known(known) = &event.data.body else { return None };
        let (_, words) = TOLD.iter().find(|(tag, _)| *tag == known.tag())?;
        let attempt = state.phase.attempt();
        let worker = attempt.map(|attempt| attempt.worker.clone()).or_else(|| state.last_worker.clone());
        let since = |then: convene_core::Timestamp| event.at.as_millisecond() - then.as_millisecond();
        let hop = match known.tag() {
            "attempt_assigned" => Some(("seat", since(state.last_prompt_at.unwrap_or(state.created_at)))),
            "attempt_started" => attempt.map(|attempt| ("launch", since(attempt.assigned_at))),
            "turn_handed_over" => state.phase.turn().map(|turn| ("hand_over", since(turn.started_at))),
            "turn_ended" => state.last_turn.as_ref().map(|turn| ("turn", turn.duration_ms.cast_signed())),
            _ => None,
        };
        Some(Self { event: event.clone(), words, worker, hop })
    }

    /// Tells and counts it; it is committed.
    pub(crate) fn tell(&self, metrics: &Metrics) {
        let data = &self.event.data;
        if let Some((hop, milliseconds)) = self.hop {
            metrics.hop(hop, milliseconds);
        }
        let EventBody::Known(known) = &data.body else { return };
        let outcome = outcome(known);
        match (known.tag(), &outcome) {
            ("turn_ended", Some(reason)) => Metrics::count(&metrics.turns, "stop_reason", reason),
            ("attempt_refused", Some(code)) => Metrics::count(&metrics.refused_attempts, "code", code),
            ("attempt_failed", Some(code)) => Metrics::count(&metrics.failed_attempts, "code", code),
            _ => {}
        }
        tracing::info!(
            session.id = %self.event.session,
            seq = self.event.seq,
            turn.id = data.turn.map(tracing::field::display),
            attempt = data.attempt,
            worker.id = self.worker.as_ref().map(tracing::field::display),
            outcome,
            event = known.tag(),
            "{}", self.words
        );
    }
}

/// How a step came out, in one word of the vocabulary: never anybody's own words.
fn outcome(known: &KnownEvent) -> Option<String> {
    let word = |value: serde_json::Value| value.as_str().map(str::to_owned);
    if let KnownEvent::TurnEnded { stop_reason, .. } = known {
        return word(serde_json::to_value(stop_reason).unwrap_or_default());
    }
    if let KnownEvent::AttemptRefused { code, .. } = known {
        return Some(code.clone());
    }
    if let KnownEvent::AttemptFailed { failure } = known {
        return Some(failure.code.clone().unwrap_or_else(|| "unknown".to_owned()));
    }
    if let KnownEvent::SessionStopped { cause, .. } | KnownEvent::SessionStopping { cause, .. } = known {
        return word(serde_json::to_value(cause).unwrap_or_default());
    }
    if let KnownEvent::AgentContextLost { why, .. } = known {
        return word(serde_json::to_value(why).unwrap_or_default());
    }
    if let KnownEvent::SessionKeptAwake { why, .. } = known {
        return word(serde_json::to_value(why).unwrap_or_default());
    }
    if let KnownEvent::PermissionDecided { decision, .. } = known {
        return Some(decision.name().to_owned());
    }
    if let KnownEvent::SessionWaiting { reason, .. } = known {
        return Some(reason.clone());
    }
    None
}
