//! The order of a conversation: who begins, and which result belongs to which call.

use std::collections::HashSet;

use serde_json::Value;

use crate::fault::Fault;

/// Messages of one role that follow each other count as one.
struct Run<'a> {
    /// The first message's index.
    at: usize,
    role: &'a str,
    /// Each block with its own message's index and its place there.
    blocks: Vec<(usize, usize, &'a Value)>,
}

/// Checks messages whose blocks are in order each for itself.
pub fn check(messages: &[Value]) -> Result<(), Fault> {
    let runs = runs(messages);
    if runs.first().is_some_and(|run| run.role != "user") {
        return Err(Fault::bad("messages: first message must use the \"user\" role"));
    }
    let mut used = HashSet::new();
    for (n, run) in runs.iter().enumerate() {
        let before = n.checked_sub(1).and_then(|n| runs.get(n));
        results(run, before)?;
        for (at, place, block) in calls(run) {
            if !used.insert(id(block, "id")) {
                return Err(Fault::bad(format!("messages.{at}.content.{place}: `tool_use` ids must be unique")));
            }
        }
    }
    runs.iter().enumerate().try_for_each(|(n, run)| answered(run, runs.get(n + 1)))
}

fn runs(messages: &[Value]) -> Vec<Run<'_>> {
    let mut runs: Vec<Run<'_>> = Vec::new();
    // What the system says in between does not count.
    for (at, message) in messages.iter().enumerate().filter(|(_, message)| message["role"] != "system") {
        let role = message["role"].as_str().unwrap_or_default();
        let blocks = message["content"].as_array().map(Vec::as_slice).unwrap_or_default();
        // A bare text is a block as well.
        let bare = message["content"].is_string().then_some(&message["content"]);
        let blocks = blocks.iter().chain(bare).enumerate().map(|(place, block)| (at, place, block));
        match runs.last_mut() {
            Some(run) if run.role == role => run.blocks.extend(blocks),
            _ => runs.push(Run { at, role, blocks: blocks.collect() }),
        }
    }
    runs
}

fn calls<'a>(run: &'a Run<'a>) -> impl Iterator<Item = (usize, usize, &'a Value)> {
    run.blocks.iter().filter(|(_, _, block)| block["type"] == "tool_use").copied()
}

fn id<'a>(block: &'a Value, name: &str) -> &'a str {
    block[name].as_str().unwrap_or_default()
}

/// Each result belongs to a call of the message before, and no call has two.
fn results(run: &Run<'_>, before: Option<&Run<'_>>) -> Result<(), Fault> {
    let called: HashSet<&str> = before.into_iter().flat_map(calls).map(|(_, _, block)| id(block, "id")).collect();
    let mut seen = HashSet::new();
    for (at, place, block) in &run.blocks {
        if block["type"] != "tool_result" {
            continue;
        }
        let of = id(block, "tool_use_id");
        if !called.contains(of) {
            return Err(Fault::bad(format!(
                "messages.{at}.content.{place}: unexpected `tool_use_id` found in `tool_result` blocks: {of}. Each \
                 `tool_result` block must have a corresponding `tool_use` block in the previous message."
            )));
        }
        if !seen.insert(of) {
            return Err(Fault::bad(format!(
                "messages.{at}.content.{place}: each tool_use must have a single result. Found multiple `tool_result` \
                 blocks with id: {of}"
            )));
        }
    }
    Ok(())
}

/// Each call is answered by the message after it, before anything else is said there.
fn answered(run: &Run<'_>, next: Option<&Run<'_>>) -> Result<(), Fault> {
    let leading = |run: &Run<'_>| {
        let results = run.blocks.iter().take_while(|(_, _, block)| block["type"] == "tool_result");
        results.map(|(_, _, block)| id(block, "tool_use_id").to_owned()).collect::<HashSet<_>>()
    };
    let answers = next.map(leading).unwrap_or_default();
    let open: Vec<&str> = calls(run).map(|(_, _, block)| id(block, "id")).filter(|id| !answers.contains(*id)).collect();
    if open.is_empty() {
        return Ok(());
    }
    Err(Fault::bad(format!(
        "messages.{}: `tool_use` ids were found without `tool_result` blocks immediately after: {}. Each `tool_use` \
         block must have a corresponding `tool_result` block in the next message.",
        run.at,
        open.join(", ")
    )))
}
