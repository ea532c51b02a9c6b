//! Looks for a text in a session's events.

use convene_api::problem::Problem;
use convene_core::ids::SessionId;
use convene_engine::storage::{EventFilter, EventRow};
use serde_json::Value;

use super::events::read;
use crate::{
    app::App,
    refusal::{Refusal, invalid},
};

/// The longest text that is looked for, in characters.
const TEXT_MAX: usize = 200;

/// Events that are read at once.
const READ: usize = 1000;

/// Events that one request looks at. Reading and parsing as many takes about a tenth of a second.
const LOOKED_AT: usize = 20_000;

/// Members of an event that say where it belongs, not what is in it.
const PLACE: [&str; 4] = ["type", "turn", "command", "message"];

/// A text as it is looked for.
///
/// # Errors
/// If it is empty or too long.
pub fn text(wanted: &str) -> Result<String, Problem> {
    match wanted.chars().count() {
        1..=TEXT_MAX => Ok(wanted.to_lowercase()),
        length => Err(invalid("q", format!("it has {length} characters, not 1 to {TEXT_MAX}"))),
    }
}

/// The events that hold a text, and where to go on if there may be more. The filter's limit is one more than wanted.
pub async fn events(
    app: &App,
    id: SessionId,
    filter: EventFilter,
    kinds: &[String],
    text: &str,
) -> Result<(Vec<EventRow>, Option<u64>), Refusal> {
    let wanted = filter.limit.saturating_sub(1);
    let mut ahead = EventFilter { limit: READ, ..filter };
    let (mut found, mut looked_at, mut last) = (Vec::new(), 0, None);
    loop {
        let mut rows = read(app, id, ahead.clone(), kinds).await?;
        let is_end = rows.len() < READ;
        if ahead.newest {
            rows.reverse();
        }
        looked_at += rows.len();
        for row in rows {
            if found.len() == wanted {
                return Ok((in_order(found, ahead.newest), last));
            }
            last = Some(row.seq);
            if holds(&row.data, text) {
                found.push(row);
            }
        }
        if is_end || looked_at >= LOOKED_AT {
            return Ok((in_order(found, ahead.newest), last.filter(|_| !is_end)));
        }
        match ahead.newest {
            true => ahead.before = last,
            false => ahead.after = last,
        }
    }
}

fn in_order(mut rows: Vec<EventRow>, is_reversed: bool) -> Vec<EventRow> {
    if is_reversed {
        rows.reverse();
    }
    rows
}

/// Whether one of an event's texts holds the text.
fn holds(data: &str, text: &str) -> bool {
    let Ok(Value::Object(event)) = serde_json::from_str(data) else { return false };
    event.iter().any(|(name, value)| !PLACE.contains(&name.as_str()) && says(value, text))
}

fn says(value: &Value, text: &str) -> bool {
    match value {
        Value::String(said) => said.to_lowercase().contains(text),
        Value::Array(items) => items.iter().any(|item| says(item, text)),
        Value::Object(members) => members.values().any(|member| says(member, text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
