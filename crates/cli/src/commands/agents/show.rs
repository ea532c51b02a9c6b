//! One agent: how it is started where, and what it said of itself.

use convene_api::{
    body::{AgentAnnounced, AgentView},
    exit,
};
use convene_core::{
    content::ConfigOption,
    dispatch::{AgentSource, DetectedAgent},
};
use serde_json::Value;

use crate::{
    app::{App, now},
    failure::Outcome,
    render::{clean::clean_line, words},
};

pub(super) fn show(app: &App, agent: &AgentView) -> Outcome {
    if app.json {
        app.out.json(agent)?;
        return Ok(exit::DONE);
    }
    let mut lines = vec![format!("{}  {}", clean_line(&agent.name), clean_line(&agent.title))];
    let mut say = |what: &str, text: String| lines.push(format!("{what:<14}{text}").trim_end().to_owned());
    if !agent.aliases.is_empty() {
        say("also called", agent.aliases.join(", "));
    }
    say("installed", super::installed(agent));
    if !agent.installed {
        say("install", clean_line(&agent.install));
    }
    if !agent.sign_in.is_empty() {
        say("sign in", clean_line(&agent.sign_in));
    }
    if !agent.tried.is_empty() {
        say("tried", clean_line(&agent.tried));
    }
    for (worker, found) in &agent.workers {
        on_worker(&clean_line(worker), found, &mut say);
    }
    match agent.announced.first() {
        Some(said) => announced(said, agent, &mut say),
        None => say("said", format!("nothing yet: convene agents test {}", agent.name)),
    }
    app.out.text(&(lines.join("\n") + "\n"))?;
    Ok(exit::DONE)
}

fn on_worker(worker: &str, found: &DetectedAgent, say: &mut impl FnMut(&str, String)) {
    let from = match found.source {
        AgentSource::Catalogue | AgentSource::Other => "",
        AgentSource::Config => " (from the config)",
        AgentSource::Registry => " (from the registry)",
    };
    let downloads = if found.downloads { "; the first start downloads it" } else { "" };
    let state = if found.installed { shell_words(&found.command) } else { "cannot be started".to_owned() };
    say(&format!("on {worker}"), format!("{state}{from}{downloads}"));
    if !found.env.is_empty() {
        say("  gets", found.env.join(", "));
    }
    for finding in &found.findings {
        say("  found", format!("{}: {}; {}", finding.code, clean_line(&finding.summary), clean_line(&finding.fix)));
    }
}

fn announced(said: &AgentAnnounced, agent: &AgentView, say: &mut impl FnMut(&str, String)) {
    let seconds = now().as_second() - said.at.as_second();
    let ago = words::span(u64::try_from(seconds).unwrap_or(0));
    let others = agent.announced.len() - 1;
    let others = if others == 0 { String::new() } else { format!("; on {} too", words::count(others, "other worker")) };
    say("said", format!("{ago} ago on {}{others}", clean_line(&said.worker)));
    let version = said.version.as_deref().map(|version| format!(" {}", clean_line(version))).unwrap_or_default();
    let title = said.title.as_ref().unwrap_or(&said.name);
    say("  it is", format!("{}{version}, ACP {}", clean_line(title), said.protocol_version));
    say("  it can", capabilities(&said.capabilities));
    let methods: Vec<String> =
        said.auth_methods.iter().map(|m| format!("{} ({})", clean_line(&m.name), m.id)).collect();
    if !methods.is_empty() {
        say("  sign-ins", methods.join(", "));
    }
    match said.signed_in {
        _ if agent.name == super::BUILTIN => say("  signed in", "needs none".to_owned()),
        Some(true) => say("  signed in", "yes: it answered a prompt".to_owned()),
        Some(false) => say("  signed in", "no: it wants you to".to_owned()),
        None => say("  signed in", format!("not known: convene agents test {} --prompt", agent.name)),
    }
    for option in &said.config_options {
        say(&format!("  {}", clean_line(&option.id)), choices(option));
    }
}

/// The choices of a setting, the one it has marked.
pub(super) fn choices(option: &ConfigOption) -> String {
    let now = match &option.value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if option.choices.is_empty() {
        return clean_line(&now);
    }
    let word = |value: &String| if *value == now { format!("{}*", clean_line(value)) } else { clean_line(value) };
    let mut words: Vec<String> = option.choices.iter().map(|choice| word(&choice.value)).collect();
    if !option.choices.iter().any(|choice| choice.value == now) {
        words.insert(0, format!("{}*", clean_line(&now)));
    }
    words.join(" ")
}

/// What an agent announced, in words; what nobody here knows is told by its name.
fn capabilities(said: &Value) -> String {
    let mut can = vec!["take text".to_owned()];
    let flag = |group: &str, name: &str| {
        let value = if group.is_empty() { said.get(name) } else { said.get(group).and_then(|group| group.get(name)) };
        value.is_some_and(|value| !matches!(value, Value::Null | Value::Bool(false)))
    };
    for (group, name, words) in ABILITIES {
        if flag(group, name) {
            can.push((*words).to_owned());
        }
    }
    can.join(", ")
}

/// Where an ability is announced, and what it means.
const ABILITIES: &[(&str, &str, &str)] = &[
    ("promptCapabilities", "image", "take images"),
    ("promptCapabilities", "audio", "take audio"),
    ("promptCapabilities", "embeddedContext", "take files in prompts"),
    ("", "loadSession", "load sessions"),
    ("sessionCapabilities", "resume", "resume sessions"),
    ("sessionCapabilities", "list", "list sessions"),
    ("sessionCapabilities", "fork", "fork sessions"),
    ("sessionCapabilities", "close", "close sessions"),
    ("sessionCapabilities", "delete", "delete sessions"),
    ("sessionCapabilities", "additionalDirectories", "work in more directories"),
    ("sessionCapabilities", "systemPrompt", "take a system prompt"),
    ("mcpCapabilities", "http", "use MCP over HTTP"),
    ("mcpCapabilities", "sse", "use MCP over SSE"),
    ("auth", "logout", "sign out"),
];

/// A command as one would type it.
pub(super) fn shell_words(command: &[String]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@=+,%".contains(c);
    let word = |word: &String| {
        if !word.is_empty() && word.chars().all(plain) {
            word.clone()
        } else {
            format!("'{}'", word.replace('\'', r"'\''"))
        }
    };
    clean_line(&command.iter().map(word).collect::<Vec<_>>().join(" "))
}
