//! What the model does without a script: the last thing the user said picks it. Enough for every real agent to run.

use std::time::Duration;

use serde_json::Value;

use crate::{
    plan::{Call, Plan, Speech, Step},
    schema, shell,
    talk::{Forced, Said, Talk, ToolKind},
};

/// `SLOW` alone says so many words, so many milliseconds apart: a minute.
const SLOW: (u64, u64) = (120, 500);
/// The most words that `SLOW n` says.
const SLOW_MAX: u64 = 1_000_000;
/// So much of a text is repeated, in characters.
const ECHO: usize = 400;

/// Decides what to do. `tick` is the pause between the words of `SLOW n`.
pub fn plan(talk: &Talk, tick: Duration) -> Plan {
    let said = talk.said();
    if let Some(schema) = &talk.schema {
        return text("schema", schema::example(schema, said.last()).to_string());
    }
    if !said.results.is_empty() {
        let results: Vec<String> = said.results.iter().map(|result| shorten(&output(result))).collect();
        return text("report", format!("the command said: {}", results.join("; ")));
    }
    if let Some(plan) = forced(talk) {
        return plan;
    }
    by_words(talk, &said, tick)
}

fn by_words(talk: &Talk, said: &Said, tick: Duration) -> Plan {
    let last = said.last();
    if talk.tools.is_empty() && wants_title(&talk.system) {
        return text("title", schema::title(last));
    }
    if let Some((word, command)) = command(last) {
        let Some(tool) = shell::find(talk) else {
            let names: Vec<&str> = talk.tools.iter().map(|tool| tool.name.as_str()).collect();
            return text("no_shell", format!("no shell among the tools of this request: {}", names.join(", ")));
        };
        return Plan {
            does: if word == "ASK" { "ask" } else { "run" }.to_owned(),
            steps: vec![Step::Call(shell::call(tool, command, word == "ASK"))],
            ..Plan::default()
        };
    }
    let mut words = last.split_whitespace().peekable();
    while let Some(word) = words.next() {
        match word {
            "SLOW" => {
                let count = words.peek().and_then(|next| next.parse::<u64>().ok());
                return slow(count, tick);
            }
            "RECALL" => {
                let earlier = said.texts.split_last().map(|(_, earlier)| earlier).unwrap_or_default();
                let earlier: Vec<String> = earlier.iter().map(|text| shorten(text)).collect();
                return text("recall", format!("you said before: {}", earlier.join(" | ")));
            }
            _ => {}
        }
    }
    text("answer", format!("turn {}: you said {}", said.texts.len(), shorten(last)))
}

/// Whether an agent asks, beside the turns, what the conversation is to be called.
fn wants_title(system: &str) -> bool {
    let system = system.to_ascii_lowercase();
    let asks = ["generate", "write", "create", "generator", "come up with"].iter().any(|word| system.contains(word));
    asks && system.contains("title")
}

fn text(does: &str, text: String) -> Plan {
    Plan { does: does.to_owned(), steps: vec![Step::Text(Speech::quick(text))], ..Plan::default() }
}

fn slow(count: Option<u64>, tick: Duration) -> Plan {
    let (count, pause) = match count {
        Some(count) => (count.min(SLOW_MAX), tick),
        None => (SLOW.0, Duration::from_millis(SLOW.1)),
    };
    let words: String = (0..count).map(|n| format!("tick{n} ")).collect();
    let speech = Speech { text: words, chunk: None, pause };
    Plan { does: "slow".to_owned(), steps: vec![Step::Text(speech)], ..Plan::default() }
}

/// `TOOL: command`, `RUN command` or `ASK command`, with the rest of its line.
fn command(text: &str) -> Option<(&'static str, &str)> {
    for line in text.lines() {
        for (mark, word) in [("TOOL:", "RUN"), ("RUN ", "RUN"), ("ASK ", "ASK")] {
            for (at, _) in line.match_indices(mark) {
                let alone = line[..at].chars().next_back().is_none_or(char::is_whitespace);
                let command = line[at + mark.len()..].trim();
                if alone && !command.is_empty() {
                    return Some((word, command));
                }
            }
        }
    }
    None
}

/// A request that demands a call gets one, with arguments that fit.
fn forced(talk: &Talk) -> Option<Plan> {
    let usable = |kind| kind != ToolKind::Hosted;
    let tool = match talk.forced.as_ref()? {
        Forced::Named(name) => talk.tool(name)?,
        Forced::Any => talk.tools.iter().find(|tool| usable(tool.kind))?,
    };
    let call = match command(talk.said().last()) {
        Some((word, command)) if shell::find(talk) == Some(tool) => shell::call(tool, command, word == "ASK"),
        _ => Call::new(tool.name.clone(), tool.kind, filled(tool, talk.said().last())),
    };
    Some(Plan { does: "forced".to_owned(), steps: vec![Step::Call(call)], ..Plan::default() })
}

fn filled(tool: &crate::talk::Tool, about: &str) -> Value {
    match tool.kind {
        ToolKind::Function | ToolKind::Hosted => schema::example(&tool.schema, about),
        ToolKind::Custom | ToolKind::LocalShell | ToolKind::Shell | ToolKind::Bash => {
            shell::call(tool, "true", false).input
        }
    }
}

/// What a command printed, without what agents put around it: a heading, fields of an object, lines about the process.
fn output(result: &str) -> String {
    if let Ok(Value::Object(fields)) = serde_json::from_str(result) {
        let streams = ["stdout", "output", "stderr"].iter().filter_map(|name| fields.get(*name)?.as_str());
        let printed: String = streams.collect();
        if !printed.is_empty() {
            return printed.trim().to_owned();
        }
    }
    if let Some((_, tail)) = result.rsplit_once("Output:\n") {
        return tail.trim().to_owned();
    }
    // Gemini's agent puts a line about each thing that it knows of the process.
    let Some((_, tail)) = result.split_once("Output: ") else { return result.trim().to_owned() };
    let about =
        ["Error: ", "Exit Code: ", "Signal: ", "Background PIDs: ", "Process Group PGID: ", "</untrusted_context>"];
    let lines = tail.lines().take_while(|line| !about.iter().any(|start| line.starts_with(start)));
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

fn shorten(text: &str) -> String {
    text.trim().chars().take(ECHO).collect()
}

#[cfg(test)]
#[path = "builtin_tests.rs"]
mod tests;
