//! Answers a shell that completes a command: ids, agents, models and requests from a local server that runs.
//!
//! It has 150 ms, starts nothing, prints no error, and goes no further than the local socket.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Arg, Command, ValueHint};
use clap_complete::{
    ArgValueCandidates, CompletionCandidate,
    env::{CompleteEnv, Shells},
};
use convene_api::client::{Client, ClientError, Endpoint, SessionsQuery};
use convene_core::view::SessionView;

use crate::{
    config::{self, Environment},
    connect::{SOCKET, TOKEN},
    help,
    render::{clean::clean_line, question::short_request, words},
};

/// Says which shell asks.
pub const VARIABLE: &str = "COMPLETE";

/// How long an answer of the server may take.
const WITHIN: Duration = Duration::from_millis(150);
/// The newest sessions are what one types.
const SESSIONS: u32 = 100;
/// Columns of a description.
const ABOUT: usize = 60;

/// Answers if a shell asks; tells whether one did.
pub fn answered() -> bool {
    let asks = std::env::var(VARIABLE).ok().filter(|shell| Shells::builtins().completer(shell).is_some());
    if asks.is_none() {
        return false;
    }
    if let Some(values) = values_in_bash() {
        let separator = std::env::var("_CLAP_IFS").unwrap_or_else(|_| "\n".to_owned());
        // A shell that is gone wants nothing.
        let _gone = std::io::stdout().write_all(values.join(&separator).as_bytes());
        return true;
    }
    let here = std::env::current_dir().ok();
    // What went wrong is nothing that a person at a prompt wants to read.
    let _silent = CompleteEnv::with_factory(|| completing(help::command(), &[]))
        .var(VARIABLE)
        .try_complete(std::env::args_os(), here.as_deref());
    true
}

/// The commands with what completes their values.
fn completing(command: Command, above: &[String]) -> Command {
    let mut path = above.to_vec();
    path.push(command.get_name().to_owned());
    let names: Vec<String> = command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
    let words: Vec<&str> = path.iter().skip(1).map(String::as_str).collect();
    let mut command = command;
    let args: Vec<String> = command.get_arguments().map(|arg| arg.get_id().to_string()).collect();
    for id in args {
        command = command.mut_arg(&id, |arg| with_values(arg, &words));
    }
    for name in names {
        command = command.mut_subcommand(name, |sub| completing(sub, &path));
    }
    command
}

/// An argument with what completes it.
fn with_values(arg: Arg, command: &[&str]) -> Arg {
    let id = arg.get_id().to_string();
    let values: fn() -> Vec<CompletionCandidate> = match (command, id.as_str()) {
        (["thread", ..], "id") | (_, "thread") => threads,
        (["token", ..], "id") => tokens,
        (["unarchive"], "ids") => archived,
        (_, "id" | "ids") => sessions,
        (_, "agent") | (["agents", ..], "name") => agents,
        (_, "worker") => workers,
        (_, "model") => models,
        (["approve" | "deny"], "request") => requests,
        (["set"], "pairs") => settings,
        (_, "cwd" | "add_dir" | "data_dir" | "run_dir") => return arg.value_hint(ValueHint::DirPath),
        (_, "prompt_file" | "config" | "token_file" | "script" | "out") => return arg.value_hint(ValueHint::FilePath),
        (_, _) => return arg,
    };
    arg.add(ArgValueCandidates::new(values))
}

fn sessions() -> Vec<CompletionCandidate> {
    of_sessions(false, |session| vec![candidate(&session.short_id, &about(session))])
}

fn archived() -> Vec<CompletionCandidate> {
    of_sessions(true, |session| vec![candidate(&session.short_id, &about(session))])
}

fn about(session: &SessionView) -> String {
    format!("{}, {}: {}", session.badge, session.agent, session.title)
}

fn requests() -> Vec<CompletionCandidate> {
    of_sessions(false, |session| {
        let of = |request: &convene_core::view::PermissionView| {
            let title = request.tool_call.title.clone().unwrap_or_default();
            candidate(&short_request(request.request), &format!("{}: {title}", session.short_id))
        };
        session.pending_permissions.iter().map(of).collect()
    })
}

fn models() -> Vec<CompletionCandidate> {
    of_sessions(false, |session| {
        let models = session.config_options.iter().filter(|option| option.is_named("model"));
        let choices = models.flat_map(|option| &option.choices);
        choices.map(|choice| candidate(&choice.value, &format!("{}: {}", session.agent, choice.name))).collect()
    })
}

/// What `set` changes: the keys of every session, and the options that agents of live sessions offer.
fn settings() -> Vec<CompletionCandidate> {
    let fixed = [
        ("title=", "what it is called"),
        ("model=", "the model, as the agent names it"),
        ("mode=", "the mode, as the agent names it"),
        ("permissions=", "deny, ask, reads, all"),
        ("timeout=", "wall clock for a turn: 90s, 5m, 1h"),
        ("labels.", "a label: labels.NAME=VALUE"),
    ];
    let mut found: Vec<CompletionCandidate> = fixed.iter().map(|(key, about)| candidate(key, about)).collect();
    found.extend(of_sessions(false, |session| {
        let options = session.config_options.iter();
        options
            .map(|option| candidate(&format!("{}=", option.id), &format!("{}: {}", session.agent, option.name)))
            .collect()
    }));
    found.extend(values().into_iter().map(|(pair, about)| candidate(&pair, &about)));
    found
}

/// The values that settings can have, as `model=gpt-5`: those that the agent of the named session announced; while the
/// name fits none, those of all agents.
fn values() -> Vec<(String, String)> {
    let named = typed_words().iter().skip_while(|word| *word != "set").nth(1).cloned().unwrap_or_default();
    let sessions = sessions_of(false);
    let is_named = |session: &&SessionView| {
        named.len() >= 4 && (session.id.to_string().contains(&named) || session.title == named)
    };
    let fitting: Vec<&SessionView> = sessions.iter().filter(is_named).collect();
    let meant = if fitting.is_empty() { sessions.iter().collect() } else { fitting };
    let mut found: Vec<(String, String)> =
        ["deny", "ask", "reads", "all"].iter().map(|mode| (format!("permissions={mode}"), String::new())).collect();
    for session in meant {
        for option in session.config_options.iter() {
            // `model` and `mode` are names that all agents' options go by, whatever they call theirs.
            let names = ["model", "mode"].into_iter().filter(|name| option.is_named(name) && option.id != *name);
            for name in names.chain([option.id.as_str()]) {
                let pairs = option.choices.iter().map(|choice| (format!("{name}={}", choice.value), &choice.name));
                found.extend(pairs.map(|(pair, choice)| (pair, format!("{}: {choice}", session.agent))));
            }
        }
    }
    let mut seen = std::collections::HashSet::new();
    found.retain(|(pair, _)| seen.insert(pair.clone()));
    found
}

/// What stands behind the `=` of a setting, if it is bash that asks: it takes `model=gpt` for three words, of which the
/// last is to be completed.
fn values_in_bash() -> Option<Vec<String>> {
    let index: usize = std::env::var("_CLAP_COMPLETE_INDEX").ok()?.parse().ok()?;
    let words = typed_words();
    if std::env::var(VARIABLE).ok()? != "bash" || !words.iter().take(index).any(|word| word == "set") {
        return None;
    }
    let typed = words.get(index).map_or("", String::as_str);
    let before = words.get(index.checked_sub(1)?)?;
    let key = match (before.as_str(), typed) {
        ("=", _) => words.get(index.checked_sub(2)?)?,
        // Right behind it, bash tells neither the `=` nor anything after it.
        (_, "" | "=") => before,
        (_, _) => return None,
    };
    let (start, typed) = (format!("{key}="), typed.trim_start_matches('='));
    let values = values();
    let mut fitting = values.iter().filter_map(|(pair, _)| pair.strip_prefix(&start)).peekable();
    fitting.peek()?;
    Some(fitting.filter(|value| value.starts_with(typed)).map(clean_line).collect())
}

/// The words of the command that is being typed.
fn typed_words() -> Vec<String> {
    let words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
    words.skip_while(|word| word != "--").skip(1).collect()
}

fn of_sessions(archived: bool, of: impl Fn(&SessionView) -> Vec<CompletionCandidate>) -> Vec<CompletionCandidate> {
    let mut found: Vec<CompletionCandidate> = sessions_of(archived).iter().flat_map(of).collect();
    // In the server's order, the newest first; the same model of two sessions once.
    let mut seen: std::collections::HashSet<std::ffi::OsString> = std::collections::HashSet::new();
    found.retain(|candidate| seen.insert(candidate.get_value().to_owned()));
    found
}

fn sessions_of(archived: bool) -> Vec<SessionView> {
    let query = SessionsQuery { archived: Some(archived), limit: Some(SESSIONS), ..SessionsQuery::default() };
    let page = ask(|client| async move { client.sessions(&query).await });
    page.map(|page| page.items).unwrap_or_default()
}

fn threads() -> Vec<CompletionCandidate> {
    let page = ask(|client| async move { client.threads(None).await });
    let items = page.map(|page| page.items).unwrap_or_default();
    items.iter().map(|thread| candidate(&thread.id.short(), &thread.title)).collect()
}

fn tokens() -> Vec<CompletionCandidate> {
    let items = ask(|client| async move { client.tokens().await }).map(|list| list.items).unwrap_or_default();
    items.iter().map(|token| candidate(&token.id.short(), &format!("{}: {}", token.scope, token.name))).collect()
}

fn agents() -> Vec<CompletionCandidate> {
    let items = ask(|client| async move { client.agents().await }).map(|list| list.items).unwrap_or_default();
    let of = |agent: &convene_api::body::AgentView| {
        let state = if agent.installed { agent.title.clone() } else { format!("{}, not installed", agent.title) };
        candidate(&agent.name, &state)
    };
    items.iter().map(of).collect()
}

fn workers() -> Vec<CompletionCandidate> {
    let items = ask(|client| async move { client.workers().await }).map(|list| list.items).unwrap_or_default();
    let of = |worker: &convene_api::body::WorkerView| {
        let free = worker.seats.saturating_sub(worker.seats_taken);
        candidate(&worker.name, &if worker.connected { format!("{free} seats free") } else { "away".to_owned() })
    };
    items.iter().map(of).collect()
}

fn candidate(value: &str, about: &str) -> CompletionCandidate {
    let about = clean_line(about);
    CompletionCandidate::new(clean_line(value)).help(Some(words::cut(&about, ABOUT, "...").into()))
}

/// Asks the local server, if one answers in time.
fn ask<T, F: Future<Output = Result<T, ClientError>>>(question: impl FnOnce(Client) -> F) -> Option<T> {
    let environment = Environment::of_process();
    // A server elsewhere is never asked: a key that is pressed must not wait for the network.
    if environment.get("CONVENE_URL").is_some() {
        return None;
    }
    let data_dir = data_dir(&environment);
    let token = std::fs::read_to_string(data_dir.join(TOKEN)).ok()?.trim().to_owned();
    let client = Client::new(Endpoint::Unix(data_dir.join(SOCKET)), Some(token)).patience(Duration::ZERO);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let answer = runtime.block_on(async { tokio::time::timeout(WITHIN, question(client)).await });
    answer.ok()?.ok()
}

/// The data directory: of the words that are being typed, of the environment, or the usual one.
fn data_dir(environment: &Environment) -> PathBuf {
    let words: Vec<String> = std::env::args().collect();
    let typed = words.iter().position(|word| word == "--data-dir").and_then(|at| words.get(at + 1)).map(PathBuf::from);
    let named = typed.or_else(|| environment.path("CONVENE_DATA_DIR").map(Path::to_owned));
    named.unwrap_or_else(|| config::default_data_dir(environment))
}
