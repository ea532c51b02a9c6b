//! Tells a person's words from what agents put around them: reminders, the environment, instructions of a project.

/// How texts begin that agents write and no person.
const HEADINGS: [&str; 1] = ["# AGENTS.md"];
/// What the first text of Gemini's agent and its relatives says.
const SETTING_UP: &str = "We are setting up the context for our chat";

/// The person's words in a text, if there are any.
pub fn own_words(text: &str) -> Option<String> {
    let mut rest = text.trim().to_owned();
    while let Some((before, after)) = rest.split_once("<system-reminder>").and_then(|(before, tail)| {
        let (_, after) = tail.split_once("</system-reminder>")?;
        Some((before.to_owned(), after.to_owned()))
    }) {
        rest = format!("{}{}", before.trim_end(), after);
    }
    let mut rest = rest.trim();
    while let Some(after) = tagged(rest) {
        rest = after.trim_start();
    }
    let first = rest.lines().next().unwrap_or_default();
    if first.is_empty() || first.contains(SETTING_UP) || HEADINGS.iter().any(|heading| first.starts_with(heading)) {
        return None;
    }
    Some(rest.to_owned())
}

/// What follows a first element, if its tag is one that agents use: two words or more, or capitals. A person who asks
/// about `<b>` is heard.
fn tagged(text: &str) -> Option<&str> {
    let (tag, _) = text.strip_prefix('<')?.split_once('>')?;
    let name = tag.split([' ', '\n']).next()?;
    let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphabetic() || c == '_' || c == '-');
    let agents = tag.contains(['_', '-', ' ']) || name.chars().all(|c| c.is_ascii_uppercase());
    if !plain || !agents || tag.contains(['=', '/']) {
        return None;
    }
    let end = format!("</{tag}>");
    let short = format!("</{name}>");
    let found = text.find(&end).map(|at| at + end.len());
    let found = found.or_else(|| text.find(&short).map(|at| at + short.len()));
    // An element that never ends is all context.
    Some(found.and_then(|at| text.get(at..)).unwrap_or_default())
}

#[cfg(test)]
#[path = "said_tests.rs"]
mod tests;
