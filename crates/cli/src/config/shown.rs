//! The configuration as it is shown: every key with its value and its origin, and nothing that may be a secret.

use std::{collections::BTreeMap, path::Path, time::Duration};

use clap::ValueEnum;
use convene_api::body::{ConfigItem, ConfigView};
use serde_json::{Value, json};

use super::{Config, Origin, Origins, keys::KEYS};

/// Stands where a value is that may be a secret.
const HIDDEN: &str = "(hidden)";

/// Parts of names of flags and variables whose values are secrets.
const SECRET_NAMES: [&str; 6] = ["token", "secret", "password", "passwd", "key", "auth"];

/// Everything that may be shown.
pub fn view(config: &Config, origins: &Origins, file: &Path) -> ConfigView {
    let path = file.display().to_string();
    let item = |key: String, value: Value| {
        let from = origins.of(&key);
        let source = from.map(|from| match from {
            Origin::File { line } => format!("{path}:{line}"),
            Origin::Environment { name } => name.clone(),
            Origin::Flag { name } => (*name).to_owned(),
        });
        ConfigItem { key, value, origin: from.map_or("default", Origin::layer).to_owned(), source }
    };
    let mut items: Vec<ConfigItem> =
        KEYS.iter().filter_map(|key| Some(item((*key).to_owned(), value(config, key)?))).collect();
    for (name, agent) in &config.agents {
        items.push(item(format!("agents.{name}.command"), command(&agent.command)));
        items.push(item(format!("agents.{name}.env"), environment(&agent.env)));
    }
    for (name, mcp) in &config.mcp {
        items.push(item(format!("mcp.{name}.command"), command(&mcp.command)));
        items.push(item(format!("mcp.{name}.env"), environment(&mcp.env)));
    }
    ConfigView { file: path, items }
}

/// The value of a key as the file would spell it; none if there is no such key.
pub fn value(config: &Config, key: &str) -> Option<Value> {
    Some(match key {
        "server.bind" => json!(config.server.bind),
        "server.roots" => json!(config.server.roots),
        "server.origins" => json!(config.server.origins),
        "server.trust_proxy" => json!(config.server.trust_proxy),
        "server.log_format" => word(config.server.log_format),
        "server.log_level" => json!(config.server.log_level),
        "client.url" => json!(without_password(&config.client.url)),
        "client.token" => json!(config.client.token),
        "client.autostart" => json!(config.client.autostart),
        "client.reconnect_timeout" => duration(config.client.reconnect_timeout),
        "run.agent" => json!(config.run.agent),
        "run.permissions" => json!(config.run.permissions),
        "run.timeout" => duration(config.run.timeout),
        "run.on_turn_end" => json!(config.run.on_turn_end),
        "run.crash_policy" => json!(config.run.crash_policy),
        "permissions.ask_timeout" => config.permissions.ask_timeout.map_or_else(|| json!("never"), duration),
        "permissions.bell" => json!(config.permissions.bell),
        "ui.color" => word(config.ui.color),
        "ui.plain" => json!(config.ui.plain),
        "ui.thoughts" => word(config.ui.thoughts),
        "ui.tools" => word(config.ui.tools),
        "ui.tool_lines" => json!(config.ui.tool_lines),
        "ui.diff_lines" => json!(config.ui.diff_lines),
        "ui.links" => json!(config.ui.links),
        "limits.sessions" => json!(config.limits.sessions),
        "limits.queue" => json!(config.limits.queue),
        "limits.prompt" => size(config.limits.prompt),
        "limits.line" => size(config.limits.line),
        "limits.hibernate_after" => duration(config.limits.hibernate_after),
        "limits.memory" => size(config.limits.memory),
        "limits.inactivity_warn" => duration(config.limits.inactivity_warn),
        "limits.inactivity_timeout" => duration(config.limits.inactivity_timeout),
        "limits.requests" => json!(config.limits.requests),
        "limits.failed_auth" => json!(config.limits.failed_auth),
        "limits.tree_processes" => json!(config.limits.tree_processes),
        "limits.tree_memory" => size(config.limits.tree_memory),
        "retention.older_than" => duration(config.retention.older_than),
        "retention.larger_than" => size(config.retention.larger_than),
        "retention.keep" => json!(config.retention.keep),
        "retention.archived_only" => json!(config.retention.archived_only),
        "ledger.dir" => json!(config.ledger.dir),
        "worker.name" => json!(config.worker.name),
        "worker.seats" => json!(config.worker.seats),
        "worker.labels" => json!(config.worker.labels),
        "worker.start_timeout" => duration(config.worker.start_timeout),
        "worker.sign_in_timeout" => duration(config.worker.sign_in_timeout),
        "worker.sandbox" => json!(config.worker.sandbox),
        "worker.downloads" => json!(config.worker.downloads),
        "worker.registry" => json!(without_password(&config.worker.registry)),
        _ => return None,
    })
}

fn word<T: ValueEnum>(value: T) -> Value {
    value.to_possible_value().map_or(Value::Null, |word| json!(word.get_name()))
}

/// In the largest unit that has no fraction.
fn duration(duration: Duration) -> Value {
    let ms = duration.as_millis();
    let text = match ms {
        0 => "0s".to_owned(),
        ms if ms % 3_600_000 == 0 => format!("{}h", ms / 3_600_000),
        ms if ms % 60_000 == 0 && ms > 60_000 => format!("{}m", ms / 60_000),
        ms if ms % 1000 == 0 => format!("{}s", ms / 1000),
        ms => format!("{ms}ms"),
    };
    json!(text)
}

fn size(bytes: usize) -> Value {
    let text = match bytes {
        b if b > 0 && b % 1_000_000_000 == 0 => format!("{} GB", b / 1_000_000_000),
        b if b > 0 && b % 1_000_000 == 0 => format!("{} MB", b / 1_000_000),
        b if b > 0 && b % 1000 == 0 => format!("{} kB", b / 1000),
        b => format!("{b} B"),
    };
    json!(text)
}

/// An address without what stands before its host, which may be a password.
pub fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let host = rest.find('/').unwrap_or(rest.len());
    match rest[..host].rfind('@') {
        Some(at) => format!("{scheme}://{HIDDEN}{}", &rest[at..]),
        None => url.to_owned(),
    }
}

/// References are shown; what stands there itself may be a secret.
fn environment(env: &BTreeMap<String, String>) -> Value {
    let shown = env.iter().map(|(name, value)| {
        let value = if value.starts_with("env:") { value.as_str() } else { HIDDEN };
        (name.clone(), json!(value))
    });
    Value::Object(shown.collect())
}

/// A command without the values of flags that are named like secrets.
fn command(words: &[String]) -> Value {
    let mut hide = false;
    let shown = words.iter().map(|word| {
        if std::mem::take(&mut hide) && !word.starts_with('-') {
            return HIDDEN.to_owned();
        }
        let (name, value) = word.split_once('=').map_or((word.as_str(), None), |(name, value)| (name, Some(value)));
        let lower = name.to_ascii_lowercase();
        let secret = SECRET_NAMES.iter().any(|part| lower.contains(part));
        match value {
            Some(_) if secret => format!("{name}={HIDDEN}"),
            Some(_) => word.clone(),
            None => {
                hide = secret && name.starts_with('-');
                without_password(word)
            }
        }
    });
    json!(shown.collect::<Vec<String>>())
}

/// A value as TOML spells it.
pub fn toml(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(toml).collect::<Vec<_>>().join(", ")),
        Value::Object(map) if map.is_empty() => "{}".to_owned(),
        Value::Object(map) => {
            let pairs: Vec<String> =
                map.iter().map(|(name, value)| format!("{} = {}", key(name), toml(value))).collect();
            format!("{{ {} }}", pairs.join(", "))
        }
        Value::String(text) => toml::Value::String(text.clone()).to_string(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// A name as TOML spells it, bare where it may be.
pub fn key(name: &str) -> String {
    let bare = |part: &str| {
        let plain = part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
        if plain && !part.is_empty() { part.to_owned() } else { toml::Value::String(part.to_owned()).to_string() }
    };
    // Tables by name may have a dot in the name; the first and the last part never have.
    match (name.split_once('.'), name.rsplit_once('.')) {
        (Some((table, rest)), Some((_, last))) if rest.len() > last.len() => {
            format!("{table}.{}.{last}", bare(&rest[..rest.len() - last.len() - 1]))
        }
        _ => name.split('.').map(bare).collect::<Vec<_>>().join("."),
    }
}
