//! The keys of the configuration, each with what it sets.

use std::time::Duration;

use convene_core::{catalogue::nearest, limits::QUEUE_MAX};

use super::{
    Config,
    value::{Raw, Why},
};

/// Every key with a fixed name; `agents` and `mcp` hold tables by name.
pub const KEYS: &[&str] = &[
    "server.bind",
    "server.roots",
    "server.origins",
    "server.trust_proxy",
    "server.log_format",
    "server.log_level",
    "client.url",
    "client.token",
    "client.autostart",
    "client.reconnect_timeout",
    "run.agent",
    "run.permissions",
    "run.timeout",
    "run.on_turn_end",
    "run.crash_policy",
    "permissions.ask_timeout",
    "permissions.bell",
    "ui.color",
    "ui.plain",
    "ui.thoughts",
    "ui.tools",
    "ui.tool_lines",
    "ui.diff_lines",
    "ui.links",
    "limits.sessions",
    "limits.queue",
    "limits.prompt",
    "limits.line",
    "limits.hibernate_after",
    "limits.memory",
    "limits.inactivity_warn",
    "limits.inactivity_timeout",
    "limits.requests",
    "limits.failed_auth",
    "limits.tree_processes",
    "limits.tree_memory",
    "retention.older_than",
    "retention.larger_than",
    "retention.keep",
    "retention.archived_only",
    "ledger.dir",
    "worker.name",
    "worker.seats",
    "worker.labels",
    "worker.start_timeout",
    "worker.sign_in_timeout",
    "worker.sandbox",
    "worker.downloads",
    "worker.registry",
];

/// Tables by name, and the keys of their entries.
pub const TABLES: &[&str] = &["agents", "mcp"];
/// The keys of an entry of a table.
pub const ENTRY_KEYS: &[&str] = &["command", "env"];

/// Sets a key; `false` if there is none of that name.
pub fn set(config: &mut Config, key: &str, raw: Raw) -> Result<bool, Why> {
    match key {
        "server.bind" => config.server.bind = raw.text()?,
        "server.roots" => config.server.roots = raw.list()?,
        "server.origins" => config.server.origins = raw.list()?,
        "server.trust_proxy" => config.server.trust_proxy = raw.bool()?,
        "server.log_format" => config.server.log_format = raw.word()?,
        "server.log_level" => config.server.log_level = one_of(raw, &["error", "warn", "info", "debug", "trace"])?,
        "client.url" => config.client.url = raw.text()?,
        "client.token" => config.client.token = reference(raw)?,
        "client.autostart" => config.client.autostart = raw.bool()?,
        "client.reconnect_timeout" => config.client.reconnect_timeout = raw.duration()?,
        "run.agent" => config.run.agent = raw.text()?,
        "run.permissions" => config.run.permissions = raw.wire_word("deny, ask, reads, all")?,
        "run.timeout" => config.run.timeout = raw.duration()?,
        "run.on_turn_end" => config.run.on_turn_end = raw.wire_word("keep, stop")?,
        "run.crash_policy" => config.run.crash_policy = raw.wire_word("resume, ask, fail")?,
        "permissions.ask_timeout" => config.permissions.ask_timeout = ask_timeout(raw)?,
        "permissions.bell" => config.permissions.bell = raw.bool()?,
        "ui.color" => config.ui.color = raw.word()?,
        "ui.plain" => config.ui.plain = raw.bool()?,
        "ui.thoughts" => config.ui.thoughts = raw.word()?,
        "ui.tools" => config.ui.tools = raw.word()?,
        "ui.tool_lines" => config.ui.tool_lines = small(raw)?,
        "ui.diff_lines" => config.ui.diff_lines = small(raw)?,
        "ui.links" => config.ui.links = one_of(raw, &["text", "osc8"])?,
        "limits.sessions" => config.limits.sessions = small(raw)?,
        "limits.queue" => config.limits.queue = queue(raw)?,
        "limits.prompt" => config.limits.prompt = raw.size()?,
        "limits.line" => config.limits.line = raw.size()?,
        "limits.hibernate_after" => config.limits.hibernate_after = raw.duration()?,
        "limits.memory" => config.limits.memory = raw.size()?,
        "limits.inactivity_warn" => config.limits.inactivity_warn = raw.duration()?,
        "limits.inactivity_timeout" => config.limits.inactivity_timeout = raw.duration()?,
        "limits.requests" => config.limits.requests = rate(raw)?,
        "limits.failed_auth" => config.limits.failed_auth = rate(raw)?,
        "limits.tree_processes" => config.limits.tree_processes = whole(raw)?,
        "limits.tree_memory" => config.limits.tree_memory = raw.size()?,
        "retention.older_than" => config.retention.older_than = raw.duration()?,
        "retention.larger_than" => config.retention.larger_than = raw.size()?,
        "retention.keep" => config.retention.keep = small(raw)?,
        "retention.archived_only" => config.retention.archived_only = raw.bool()?,
        "ledger.dir" => config.ledger.dir = directory(raw)?,
        "worker.name" => config.worker.name = raw.text()?,
        "worker.seats" => {
            config.worker.seats = u32::try_from(raw.number()?).map_err(|_| "that is too many seats".to_owned())?;
        }
        "worker.labels" => config.worker.labels = raw.table()?,
        "worker.start_timeout" => config.worker.start_timeout = raw.duration()?,
        "worker.sign_in_timeout" => config.worker.sign_in_timeout = raw.duration()?,
        "worker.sandbox" => config.worker.sandbox = one_of(raw, &["none"])?,
        "worker.downloads" => config.worker.downloads = raw.bool()?,
        "worker.registry" => config.worker.registry = registry(raw)?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// Sets a key of an entry such as `agents.mine.command`; `false` if there is none of that name.
pub fn set_entry(config: &mut Config, table: &str, name: &str, key: &str, raw: Raw) -> Result<bool, Why> {
    let (command, env) = match table {
        "agents" => {
            let agent = config.agents.entry(name.to_owned()).or_default();
            (&mut agent.command, &mut agent.env)
        }
        "mcp" => {
            let mcp = config.mcp.entry(name.to_owned()).or_default();
            (&mut mcp.command, &mut mcp.env)
        }
        _ => return Ok(false),
    };
    match key {
        "command" => {
            *command = raw.list()?;
            if command.is_empty() {
                return Err("the command is empty".to_owned());
            }
        }
        "env" => *env = raw.table()?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// The key that is nearest to a mistyped one.
pub fn nearest_key(key: &str) -> Option<&'static str> {
    nearest(key, KEYS.iter().chain(TABLES).copied()).first().copied()
}

fn one_of(raw: Raw, words: &[&str]) -> Result<String, Why> {
    let text = raw.text()?;
    if words.contains(&text.as_str()) { Ok(text) } else { Err(format!("{} is wanted, not {text:?}", words.join(", "))) }
}

/// A secret is named, never written.
fn reference(raw: Raw) -> Result<String, Why> {
    let text = raw.text()?;
    if text.is_empty() || text.starts_with("env:") || text.starts_with("file:") {
        Ok(text)
    } else {
        Err("\"env:NAME\" or \"file:PATH\" is wanted, never the token itself".to_owned())
    }
}

/// Where a registry of agents is; relative paths would mean another file in every directory.
fn registry(raw: Raw) -> Result<String, Why> {
    let text = raw.text()?;
    if text.is_empty() || ["/", "~/", "http://", "https://"].iter().any(|start| text.starts_with(start)) {
        Ok(text)
    } else {
        Err(format!("an absolute path or an http(s) URL is wanted, not {text:?}"))
    }
}

/// A directory; relative ones would mean another one for every server.
fn directory(raw: Raw) -> Result<String, Why> {
    let text = raw.text()?;
    if text.is_empty() || text.starts_with('/') || text.starts_with("~/") {
        Ok(text)
    } else {
        Err(format!("an absolute path is wanted, not {text:?}"))
    }
}

fn ask_timeout(raw: Raw) -> Result<Option<Duration>, Why> {
    match raw {
        Raw::Text(text) if text == "never" => Ok(None),
        raw => raw.duration().map(Some),
    }
}

fn rate(raw: Raw) -> Result<u32, Why> {
    match u32::try_from(raw.number()?) {
        Ok(0) => Err("0 would let nobody in".to_owned()),
        Ok(number) => Ok(number),
        Err(_) => Err("that number is too large".to_owned()),
    }
}

fn queue(raw: Raw) -> Result<usize, Why> {
    match small(raw)? {
        0 => Err("0 would let no session run".to_owned()),
        length if length > QUEUE_MAX => Err(format!("{QUEUE_MAX} is the most")),
        length => Ok(length),
    }
}

fn whole(raw: Raw) -> Result<u32, Why> {
    u32::try_from(raw.number()?).map_err(|_| "that number is too large".to_owned())
}

fn small(raw: Raw) -> Result<usize, Why> {
    usize::try_from(raw.number()?).map_err(|_| "that number is too large".to_owned())
}
