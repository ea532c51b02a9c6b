//! `POST /v1/sessions/{id}/rewind`

use std::sync::Arc;

use axum::{Extension, extract::State, http::StatusCode, response::Response};
use convene_api::{
    body::{RewindSession, RewoundSession, TurnName},
    problem::{Code, Problem},
};
use convene_core::{
    command::Command,
    content::ContentBlock,
    event::{Cut, EventBody, EventData, KnownEvent},
    ids::{SessionId, TurnId},
    session::{Rewind, SessionState},
};
use convene_engine::{Outcome, Work, storage::EventFilter};

use super::events::read;
use crate::{
    app::App,
    auth::Caller,
    extract::{Change, SessionName},
    refusal::{Refusal, cursor_too_old, invalid},
    reply::{change, recorded, session_of},
};

/// How often a log is looked at anew that went on meanwhile, if the caller did not say what it has seen of it.
const TRIES: usize = 3;

/// Takes the conversation back to before one of the user's prompts, which comes back as a draft. What came after it stays
/// in the log; it is left out of transcript, history and exports for reading, and the agent is told only what is left.
#[utoipa::path(
    post, path = "/v1/sessions/{id}/rewind", tag = "sessions", params(("id" = String, Path)), request_body = RewindSession,
    responses((status = 200, body = RewoundSession)),
)]
pub async fn rewind_session(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    SessionName(id): SessionName,
    Change { body, asked }: Change<RewindSession>,
) -> Result<Response, Refusal> {
    if let Some(answer) = recorded(&app, &caller, &asked, StatusCode::OK).await? {
        return Ok(answer);
    }
    let epoch = app.engine.shared().epoch;
    if body.epoch.is_some_and(|of| of != epoch) {
        return Err(cursor_too_old("the cursor is of another log").into());
    }
    let mut tries = 1;
    loop {
        let published = app.engine.session(id).await?;
        let state = published.state;
        if body.expected_attempt.is_some_and(|attempt| attempt != state.attempts) {
            let detail = format!("{} is at attempt {} by now", id.short(), state.attempts);
            let problem = Problem::new(Code::WrongState, detail).with("attempt", state.attempts);
            return Err(problem.hint(format!("look again, then repeat it: `convene show {}`", id.short())).into());
        }
        let prompts = prompts(&app, &state).await?;
        let found = wanted(&prompts, &state, &body)?;
        let kept = prompts.iter().filter(|prompt| prompt.started < found.started).count();
        let to = Rewind {
            to_seq: cut_from(&app, id, found).await? - 1,
            prompt: found.turn,
            number: found.number,
            kept: u32::try_from(kept).unwrap_or(u32::MAX),
            expected: body.expected_seq.unwrap_or(state.seq),
        };
        let draft = draft(&app, id, found.turn).await?;
        let answer = move |outcome: &Outcome| {
            let session = session_of(outcome)?;
            Some(RewoundSession { session, turn_id: to.prompt, turn_number: to.number, draft: Arc::clone(&draft) })
        };
        let work = Work::Command { session: id, command: Command::Rewind { to, by: caller.owner.clone() } };
        let answered = change(&app, &caller, asked.clone(), work, StatusCode::OK, answer).await;
        let went_on = body.expected_seq.is_none() && app.engine.session(id).await?.state.seq != state.seq;
        if answered.is_ok() || tries == TRIES || !went_on {
            return answered;
        }
        tries += 1;
    }
}

/// A prompt of the conversation that reached its turn.
struct Prompt {
    turn: TurnId,
    number: u32,
    /// Where its turn began.
    started: u64,
}

/// The prompts of the conversation as it is: after the last clearing, and without what was taken back.
async fn prompts(app: &App, state: &SessionState) -> Result<Vec<Prompt>, Refusal> {
    let filter = EventFilter { after: Some(state.cleared_seq), limit: usize::MAX, ..EventFilter::default() };
    let rows = read(app, state.id, filter, &["turn_started".to_owned(), "turn_requeued".to_owned()]).await?;
    let mut prompts: Vec<Prompt> = Vec::new();
    for row in rows.iter().filter(|row| !state.rewound.iter().any(|cut| Cut::holds(*cut, row.seq))) {
        let Some(turn) = row.turn else { continue };
        match EventData::from_json(&row.data).map(|data| data.body) {
            Ok(EventBody::Known(KnownEvent::TurnStarted { number })) => {
                prompts.push(Prompt { turn, number, started: row.seq });
            }
            Ok(EventBody::Known(KnownEvent::TurnRequeued {})) => prompts.retain(|prompt| prompt.turn != turn),
            Ok(_) | Err(_) => {}
        }
    }
    Ok(prompts)
}

/// The prompt that is meant.
fn wanted<'a>(prompts: &'a [Prompt], state: &SessionState, body: &RewindSession) -> Result<&'a Prompt, Problem> {
    let found = match (body.turn, body.seq) {
        (Some(TurnName::Number(number)), None) => prompts.iter().find(|prompt| prompt.number == number),
        (Some(TurnName::Id(turn)), None) => prompts.iter().find(|prompt| prompt.turn == turn),
        (None, Some(seq)) if state.rewound.iter().any(|cut| cut.holds(seq)) => None,
        (None, Some(seq)) => prompts.iter().rev().find(|prompt| prompt.started <= seq && seq <= state.seq),
        (Some(_), Some(_)) => return Err(invalid("seq", "name the turn or an event of it, not both")),
        (None, None) => return Err(invalid("turn", "it says where to go back to")),
    };
    let field = if body.seq.is_some() { "seq" } else { "turn" };
    found.ok_or_else(|| {
        let numbers: Vec<u32> = prompts.iter().map(|prompt| prompt.number).collect();
        let problem = invalid(field, format!("the conversation of {} has no such turn", state.id.short()));
        problem.with("allowed", numbers)
    })
}

/// The first event that goes: the prompt, if nothing of another turn came between it and its turn; else the turn.
async fn cut_from(app: &App, id: SessionId, prompt: &Prompt) -> Result<u64, Refusal> {
    let filter = EventFilter { turn: Some(prompt.turn), limit: 1, ..EventFilter::default() };
    let asked = read(app, id, filter, &["turn_queued".to_owned()]).await?;
    let Some(asked) = asked.first().map(|row| row.seq) else { return Ok(prompt.started) };
    let (after, before) = (Some(asked), Some(prompt.started));
    let between = read(app, id, EventFilter { after, before, limit: 200, ..EventFilter::default() }, &[]).await?;
    let is_alone = between.len() < 200 && between.iter().all(|row| row.turn.is_none_or(|turn| turn == prompt.turn));
    Ok(if is_alone { asked } else { prompt.started })
}

/// What was said, as it was when its turn began.
async fn draft(app: &App, id: SessionId, turn: TurnId) -> Result<Arc<Vec<ContentBlock>>, Refusal> {
    let filter = EventFilter { turn: Some(turn), limit: usize::MAX, ..EventFilter::default() };
    let rows = read(app, id, filter, &["turn_queued".to_owned(), "queue_entry_edited".to_owned()]).await?;
    let said = rows.iter().rev().find_map(|row| match EventData::from_json(&row.data).ok()?.body {
        EventBody::Known(KnownEvent::TurnQueued { content, .. } | KnownEvent::QueueEntryEdited { content }) => {
            Some(content)
        }
        EventBody::Known(_) | EventBody::Unknown(_) => None,
    });
    Ok(said.unwrap_or_default())
}
