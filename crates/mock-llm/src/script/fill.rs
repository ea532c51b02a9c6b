//! Placeholders: `{{last_user_text}}` and its like in the texts of a script.

use serde_json::Value;

use crate::talk::{Said, Talk};

/// Their names.
const NAMES: [&str; 6] = ["last_user_text", "tool_result", "model", "turn", "call", "n"];

/// What placeholders stand for in one answer.
pub struct Words<'a> {
    /// The request.
    pub talk: &'a Talk,
    /// What was said.
    pub said: &'a Said,
    /// How often the rule's conditions held.
    pub call: u64,
}

impl Words<'_> {
    /// Fills a text; `n` is the number of its repetition. What is put in is not filled again.
    pub fn fill(&self, text: &str, n: u64) -> String {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, name, after)) = next(rest) {
            filled.push_str(before);
            match name {
                "last_user_text" => filled.push_str(self.said.last()),
                "tool_result" => filled.push_str(&self.said.results.join("\n")),
                "model" => filled.push_str(&self.talk.model),
                "turn" => filled.push_str(&self.said.texts.len().to_string()),
                "call" => filled.push_str(&self.call.to_string()),
                "n" => filled.push_str(&n.to_string()),
                // A script with another name is refused when it is read.
                _ => {}
            }
            rest = after;
        }
        filled.push_str(rest);
        filled
    }

    /// Fills every text of a value.
    pub fn fill_value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.fill(text, 1)),
            Value::Array(list) => list.iter().map(|item| self.fill_value(item)).collect(),
            Value::Object(map) => map.iter().map(|(name, item)| (name.clone(), self.fill_value(item))).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }
}

/// The text before the first placeholder, its name, and the text behind it.
fn next(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once("{{")?;
    let (name, after) = rest.split_once("}}")?;
    Some((before, name.trim(), after))
}

/// Refuses a placeholder that stands for nothing.
pub fn check(text: &str) -> Result<(), String> {
    let mut rest = text;
    while let Some((_, name, after)) = next(rest) {
        if !NAMES.contains(&name) {
            return Err(format!("{{{{{name}}}}} stands for nothing; there are {}", NAMES.join(", ")));
        }
        rest = after;
    }
    Ok(())
}

/// Refuses it in any text of a value.
pub fn check_value(value: &Value) -> Result<(), String> {
    match value {
        Value::String(text) => check(text),
        Value::Array(list) => list.iter().try_for_each(check_value),
        Value::Object(map) => map.values().try_for_each(check_value),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}
