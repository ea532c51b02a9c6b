//! Reads a registry: `{version, agents[], extensions[]}`. What is not known is passed over, so that a newer one is
//! still of use.

use std::collections::BTreeMap;

use convene_core::{catalogue, dispatch::AgentSource};
use serde_json::{Map, Value};

use crate::detect::recipe::{Pack, Recipe};

/// What a registry holds that is of use here.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    pub(super) agents: Vec<Recipe>,
    /// Entries that are of none, each with the reason.
    pub(super) passed_over: Vec<(String, String)>,
}

/// Why a text is no registry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It is no JSON.
    #[error("line {line}: {why}")]
    NotJson {
        /// The line, from 1.
        line: usize,
        /// What the parser says.
        why: String,
    },
    /// It is JSON and something else.
    #[error("it has no list of agents")]
    NoAgents,
    /// It is too large.
    #[error("it has {size} bytes, the limit is {limit}")]
    TooLarge {
        /// Its size, in bytes.
        size: u64,
        /// The limit, in bytes.
        limit: u64,
    },
}

/// The longest word of a command or text that is taken from a registry, in bytes.
const WORD: usize = 1024;

pub(super) fn parse(text: &[u8]) -> Result<Parsed, Problem> {
    let not_json = |error: serde_json::Error| Problem::NotJson { line: error.line(), why: error.to_string() };
    let registry: Value = serde_json::from_slice(text).map_err(not_json)?;
    let agents = registry.get("agents").and_then(Value::as_array).ok_or(Problem::NoAgents)?;
    let mut parsed = Parsed::default();
    for (index, entry) in agents.iter().enumerate() {
        let place = || entry.get("id").and_then(Value::as_str).map_or_else(|| format!("#{}", index + 1), excerpt);
        match agent(entry) {
            Ok(agent) if parsed.agents.iter().any(|known| known.name == agent.name) => {
                parsed.passed_over.push((place(), "there is one of that name before it".to_owned()));
            }
            Ok(agent) => parsed.agents.push(agent),
            Err(why) => parsed.passed_over.push((place(), why)),
        }
    }
    Ok(parsed)
}

fn agent(entry: &Value) -> Result<Recipe, String> {
    let id = text(entry, "id").ok_or("it has no id")?;
    let sane = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
    if id.len() > 64 || !id.chars().all(sane) {
        return Err("its id is no name: lower-case letters, digits and hyphens are".to_owned());
    }
    // What the catalogue knows by another name is that agent.
    let name = catalogue::find_alias(&id).map_or(id, |entry| entry.name.to_owned());
    if name == catalogue::BUILTIN {
        return Err("that is the name of the agent in the binary".to_owned());
    }
    let distribution = entry.get("distribution").and_then(Value::as_object).ok_or("it has no distribution")?;
    let title = text(entry, "name").unwrap_or_else(|| name.clone());
    let mut agent = Recipe { name, title, source: AgentSource::Registry, ..Recipe::default() };
    let mut kinds = 0;
    for (kind, value) in distribution {
        match kind.as_str() {
            "npx" => agent.npx = Some(package(value, '@', &mut agent.set_env)?),
            "uvx" => agent.uvx = Some(package(value, '@', &mut agent.set_env)?),
            "binary" => agent.commands.extend(binary(value, &mut agent.set_env)),
            // A way of a later version.
            _ => continue,
        }
        kinds += 1;
    }
    if kinds == 0 {
        return Err("it is distributed in no way that is known here".to_owned());
    }
    agent.install = install(&agent, entry);
    Ok(agent)
}

fn install(agent: &Recipe, entry: &Value) -> String {
    let home = text(entry, "repository").or_else(|| text(entry, "website"));
    match (&agent.npx, &agent.uvx, home) {
        (Some(pack), _, _) => format!("npm install -g {}", pack.spec),
        (None, Some(pack), _) => format!("uv tool install {}", pack.spec),
        (None, None, Some(home)) => format!("put its program on the PATH: {home}"),
        (None, None, None) => "put its program on the PATH".to_owned(),
    }
}

/// A package, which may have its version in its name.
fn package(value: &Value, at: char, env: &mut BTreeMap<String, String>) -> Result<Pack, String> {
    let spec = text(value, "package").ok_or("its package has no name")?;
    // A name that begins like a flag would be one.
    if spec.starts_with('-') || spec.contains(char::is_whitespace) {
        return Err(format!("{spec:?} is no name of a package"));
    }
    // The first sign of a scoped name is no separator.
    let version = spec[1..].rsplit_once(at).map(|(_, version)| version.trim_start_matches('=').to_owned());
    let version = version.filter(|version| version.starts_with(|c: char| c.is_ascii_digit()));
    env.extend(variables(value)?);
    Ok(Pack { spec, version, program: None, args: words(value)? })
}

/// The command of this platform, by the name of its program: archives are not fetched.
fn binary(value: &Value, env: &mut BTreeMap<String, String>) -> Option<Vec<String>> {
    let platform = format!("{}-{}", os(), std::env::consts::ARCH);
    let mine = value.get(&platform)?;
    let program = text(mine, "cmd")?;
    let program = program.rsplit('/').next().filter(|name| !name.is_empty() && !name.starts_with('-'))?.to_owned();
    let mut command = vec![program];
    command.extend(words(mine).ok()?);
    env.extend(variables(mine).ok()?);
    Some(command)
}

const fn os() -> &'static str {
    if cfg!(target_os = "macos") { "darwin" } else { "linux" }
}

fn words(value: &Value) -> Result<Vec<String>, String> {
    match value.get("args") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => {
            items.iter().map(|item| word(item).ok_or("its args are no texts".to_owned())).collect()
        }
        Some(_) => Err("its args are no list".to_owned()),
    }
}

fn variables(value: &Value) -> Result<BTreeMap<String, String>, String> {
    let wrong = || "its env is no table of texts".to_owned();
    let table = match value.get("env") {
        None | Some(Value::Null) => &Map::new(),
        Some(Value::Object(table)) => table,
        Some(_) => return Err(wrong()),
    };
    let is_name = |name: &str| {
        !name.is_empty() && name.len() <= 128 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    table
        .iter()
        .map(|(name, value)| Some((Some(name.clone()).filter(|name| is_name(name))?, word(value)?)))
        .collect::<Option<_>>()
        .ok_or_else(wrong)
}

/// A text that may be a word of a command. A reference to a variable of this machine it may not be: a registry has no
/// business with those.
fn word(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    (text.len() <= WORD && !text.contains('\0') && !text.starts_with("env:")).then(|| text.to_owned())
}

fn text(value: &Value, key: &str) -> Option<String> {
    let text = value.get(key)?.as_str()?;
    (!text.is_empty() && text.len() <= WORD && !text.chars().any(char::is_control)).then(|| text.to_owned())
}

fn excerpt(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(64).collect()
}
