//! The order of a conversation's items: which output belongs to which call.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use crate::fault::Fault;

/// Calls, their outputs, and what the real API calls the two.
const PAIRS: [(&str, &str, &str, &str); 4] = [
    ("function_call", "function_call_output", "function call", "function call output"),
    ("custom_tool_call", "custom_tool_call_output", "custom tool call", "custom tool call output"),
    ("local_shell_call", "local_shell_call_output", "local shell call", "local shell call output"),
    ("shell_call", "shell_call_output", "shell call", "shell call output"),
];

/// Checks items that are in order each for itself.
pub fn check(items: &[Value]) -> Result<(), Fault> {
    let refuse = |text: String| Err(Fault::bad(text).param("input"));
    let mut ids = HashSet::new();
    let mut open: HashMap<(&str, &str), (&str, &str)> = HashMap::new();
    let mut asked: Vec<(&str, &str)> = Vec::new();
    for (at, item) in items.iter().enumerate() {
        if let Some(id) = item["id"].as_str()
            && !ids.insert(id)
        {
            return refuse(format!(
                "Duplicate item found with id {id}. Remove duplicate items from your input and try again."
            ));
        }
        let kind = item["type"].as_str().unwrap_or("message");
        let id = item["call_id"].as_str().or_else(|| item["id"].as_str()).unwrap_or_default();
        if kind == "reasoning" && !followed(items.get(at + 1)) {
            let id = item["id"].as_str().unwrap_or_default();
            return refuse(format!(
                "Item '{id}' of type 'reasoning' was provided without its required following item."
            ));
        }
        for (call, output, call_words, output_words) in PAIRS {
            if kind == call {
                if open.insert((call, id), (call_words, id)).is_some() || asked.contains(&(call, id)) {
                    return refuse(format!("Duplicate call_id found in input: {id}."));
                }
                asked.push((call, id));
            } else if kind == output && open.remove(&(call, id)).is_none() {
                // What ran in a local shell may be told as the output of a function.
                if call == "function_call" && open.remove(&("local_shell_call", id)).is_some() {
                    continue;
                }
                let again = asked.contains(&(call, id));
                return refuse(if again {
                    format!("Multiple tool outputs found for {call_words} with call_id {id}.")
                } else {
                    format!("No tool call found for {output_words} with call_id {id}.")
                });
            }
        }
    }
    let waiting = asked.iter().find_map(|key| open.get(key));
    match waiting {
        Some((words, id)) => refuse(format!("No tool output found for {words} {id}.")),
        None => Ok(()),
    }
}

/// A thought belongs to something that the model then said or did.
fn followed(next: Option<&Value>) -> bool {
    next.is_some_and(|item| {
        let kind = item["type"].as_str().unwrap_or("message");
        (kind != "message" || item["role"] == "assistant") && !kind.ends_with("_output")
    })
}
