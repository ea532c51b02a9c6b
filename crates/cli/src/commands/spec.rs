//! The flags that make a session, shared by `run`, `new` and `thread new`.

use std::{collections::BTreeMap, path::PathBuf};

use clap::Args;
use convene_api::{
    body::{CreateSession, PromptInput},
    client::Client,
    problem::{Code, Problem},
};
use convene_core::{
    catalogue::nearest,
    ids::ThreadId,
    spec::{OnTurnEnd, PermissionMode},
};
use serde_json::{Value, json};

use crate::{app::App, config, failure::Failure, ids};

/// What a new session is to be.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Session")]
pub struct SpecArgs {
    /// Who works [default: builtin, or run.agent of the config]
    #[arg(short, long, value_name = "NAME")]
    pub agent: Option<String>,
    /// Where [default: here]
    #[arg(short = 'C', long, value_name = "DIR")]
    pub cwd: Option<PathBuf>,
    /// In a git worktree and branch of its own
    #[arg(long)]
    pub worktree: bool,
    /// The model, as the agent names it
    #[arg(short, long, value_name = "MODEL")]
    pub model: Option<String>,
    /// Who answers permission requests [default: ask]
    #[arg(long, value_name = "deny|ask|reads|all", value_parser = permissions)]
    pub permissions: Option<PermissionMode>,
    /// Its title [default: the prompt's first line]
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
    /// In an existing thread
    #[arg(long, value_name = "ID")]
    pub thread: Option<String>,
    /// Environment of the agent; K alone takes it from here; several times
    #[arg(long, value_name = "K[=V]", value_parser = variable)]
    pub env: Vec<(String, String)>,
    /// A label; several times
    #[arg(long, value_name = "K=V", value_parser = pair)]
    pub label: Vec<(String, String)>,
    /// A directory beside the first that the agent may touch; several times
    #[arg(long, value_name = "DIR")]
    pub add_dir: Vec<PathBuf>,
    /// An MCP server of the config file for the agent; several times
    #[arg(long, value_name = "NAME")]
    pub mcp: Vec<String>,
    /// End the session with its turn
    #[arg(long)]
    pub once: bool,
    /// The worker it must run on
    #[arg(long, value_name = "NAME")]
    pub worker: Option<String>,
    /// Wall clock for a turn: 90s, 5m, 1h
    #[arg(long, value_name = "TIME", value_parser = config::duration)]
    pub timeout: Option<std::time::Duration>,
}

impl SpecArgs {
    /// The body of the request.
    ///
    /// # Errors
    /// If the thread is not known, or the current directory is gone.
    pub async fn body(&self, app: &App, client: &Client, prompt: Option<String>) -> Result<CreateSession, Failure> {
        let run = &app.config.run;
        let thread_id: Option<ThreadId> = match &self.thread {
            Some(typed) => Some(ids::thread(client, typed).await?.id),
            None => None,
        };
        let timeout = self.timeout.unwrap_or(run.timeout);
        let once = self.once || run.on_turn_end == OnTurnEnd::Stop;
        Ok(CreateSession {
            prompt: prompt.map(PromptInput::Text),
            agent: Some(self.agent.clone().unwrap_or_else(|| run.agent.clone())),
            cwd: Some(absolute(self.cwd.as_deref())?),
            title: self.title.clone(),
            thread_id,
            model: self.model.clone(),
            permissions: Some(self.permissions.unwrap_or(run.permissions)),
            env: self.env.iter().cloned().collect(),
            labels: self.label.iter().cloned().collect::<BTreeMap<_, _>>(),
            add_dirs: self.add_dir.iter().map(|dir| absolute(Some(dir))).collect::<Result<_, _>>()?,
            mcp_servers: self.mcp.iter().map(|name| mcp_server(app, name)).collect::<Result<_, _>>()?,
            worktree: self.worktree.then_some(true.into()),
            worker: self.worker.clone().map(Into::into),
            timeout: Some(timeout.as_secs()).filter(|seconds| *seconds > 0),
            on_turn_end: Some(if once { OnTurnEnd::Stop } else { OnTurnEnd::Keep }),
            crash_policy: Some(run.crash_policy),
            ..CreateSession::default()
        })
    }
}

/// An absolute path without `.` and `..` where the file system can tell; whether it exists is the server's to say.
fn absolute(dir: Option<&std::path::Path>) -> Result<String, Failure> {
    let here = || {
        std::env::current_dir().map_err(|error| {
            Failure::from(
                Problem::new(Code::CwdMissing, format!("the current directory is gone: {error}"))
                    .hint("give one with -C"),
            )
        })
    };
    let path = match dir {
        Some(dir) => dir.canonicalize().or_else(|_| here().map(|here| here.join(dir)))?,
        None => here()?,
    };
    path.into_os_string()
        .into_string()
        .map_err(|path| Failure::new(Code::InvalidRequest, format!("cwd: {} is not UTF-8", path.to_string_lossy())))
}

/// A permission mode by its name.
pub fn permissions(text: &str) -> Result<PermissionMode, String> {
    match text {
        "deny" => Ok(PermissionMode::Deny),
        "ask" => Ok(PermissionMode::Ask),
        "reads" => Ok(PermissionMode::Reads),
        "all" => Ok(PermissionMode::All),
        _ => Err("deny, ask, reads or all is wanted".to_owned()),
    }
}

/// The name of a permission mode.
pub fn permissions_name(mode: PermissionMode) -> &'static str {
    match mode {
        PermissionMode::Deny => "deny",
        PermissionMode::Ask => "ask",
        PermissionMode::Reads => "reads",
        PermissionMode::All => "all",
    }
}

/// An MCP server of the configuration, in ACP's shape. What its environment refers to is taken from here.
fn mcp_server(app: &App, name: &str) -> Result<Value, Failure> {
    let known = &app.config.mcp;
    let Some(server) = known.get(name) else {
        let near = nearest(name, known.keys().map(String::as_str));
        let problem = Problem::new(Code::InvalidRequest, format!("--mcp: the config has no [mcp.{name}]"));
        return Err(match (near.first(), known.is_empty()) {
            (Some(near), _) => problem.hint(format!("did you mean {near}?")),
            (None, true) => problem.hint("give it a [mcp.NAME] section with its command"),
            (None, false) => {
                problem.hint(format!("it has: {}", known.keys().map(String::as_str).collect::<Vec<_>>().join(", ")))
            }
        }
        .into());
    };
    let mut env = Vec::new();
    for (key, value) in &server.env {
        let value = match value.strip_prefix("env:") {
            Some(variable) => app.environment.get(variable).ok_or_else(|| {
                let what = format!("env:{variable}, which [mcp.{name}] wants, is not set here");
                Failure::from(
                    Problem::new(Code::SecretMissing, what).hint(format!("export {variable} and run this again")),
                )
            })?,
            None => value,
        };
        env.push(json!({ "name": key, "value": value }));
    }
    let (command, args) = server.command.split_first().map_or(("", &[][..]), |(c, args)| (c.as_str(), args));
    Ok(json!({ "name": name, "command": command, "args": args, "env": env }))
}

/// `NAME=value`, or `NAME` alone, whose value is that of this environment.
fn variable(text: &str) -> Result<(String, String), String> {
    match pair(text) {
        Ok(pair) => Ok(pair),
        Err(_) if text.is_empty() || text.contains('=') => Err("NAME=value or NAME is wanted".to_owned()),
        Err(_) => match std::env::var(text) {
            Ok(value) => Ok((text.to_owned(), value)),
            Err(_) => Err(format!("{text} is not set here")),
        },
    }
}

/// `name=value`.
pub fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("name=value is wanted".to_owned()),
    }
}
