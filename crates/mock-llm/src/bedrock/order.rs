//! The order of a conversation: roles alternate, and each call has its result in the next message.

use std::collections::HashSet;

use crate::{
    fault::Fault,
    talk::{Message, Part, Role},
};

/// Checks messages that are in order each for itself.
pub fn check(messages: &[Message]) -> Result<(), Fault> {
    if messages.first().is_some_and(|first| first.role != Role::User) {
        return Err(Fault::bad(
            "A conversation must start with a user message. Try again with a conversation that starts with a user message.",
        ));
    }
    let mut before: Option<&Message> = None;
    for (at, message) in messages.iter().enumerate() {
        if before.is_some_and(|before| before.role == message.role) {
            return Err(Fault::bad(
                "A conversation must alternate between user and assistant roles. Make sure the conversation alternates \
                 between user and assistant roles and try again.",
            ));
        }
        unique(at, "toolUse", &calls(message))?;
        unique(at, "toolResult", &results(message))?;
        let called = before.map(calls).unwrap_or_default();
        let answered = results(message);
        let open: Vec<&str> = called.iter().filter(|id| !answered.contains(id)).copied().collect();
        if !open.is_empty() {
            return Err(unanswered(at, &open));
        }
        if answered.iter().any(|id| !called.contains(id)) {
            return Err(Fault::bad(format!(
                "The number of toolResult blocks at messages.{at}.content exceeds the number of toolUse blocks of previous turn."
            )));
        }
        before = Some(message);
    }
    let open = before.map(calls).unwrap_or_default();
    if open.is_empty() { Ok(()) } else { Err(unanswered(messages.len(), &open)) }
}

fn unanswered(at: usize, open: &[&str]) -> Fault {
    Fault::bad(format!(
        "Expected toolResult blocks at messages.{at}.content for the following Ids: {}",
        open.join(", ")
    ))
}

fn calls(message: &Message) -> Vec<&str> {
    message
        .parts
        .iter()
        .filter_map(|part| if let Part::Call { id, .. } = part { Some(id.as_str()) } else { None })
        .collect()
}

fn results(message: &Message) -> Vec<&str> {
    message
        .parts
        .iter()
        .filter_map(|part| if let Part::Result { id, .. } = part { Some(id.as_str()) } else { None })
        .collect()
}

fn unique(at: usize, kind: &str, ids: &[&str]) -> Result<(), Fault> {
    let mut seen = HashSet::new();
    match ids.iter().find(|id| !seen.insert(**id)) {
        None => Ok(()),
        Some(id) => Err(Fault::bad(format!("The {kind} blocks at messages.{at}.content contain duplicate Ids: {id}"))),
    }
}
