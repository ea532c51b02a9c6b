//! The flags that make a session, shared by `run`, `new` and `thread new`.

use std::{collections::BTreeMap, path::PathBuf};

use clap::Args;
use convene_api::{
    body::{CreateSession, PromptInput},
    client::Client,
    problem::{Code, Problem},
};
use convene_core::{
    ids::ThreadId,
    spec::{OnTurnEnd, PermissionMode},
};

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
    /// Environment of the agent, kept in the session's log; several times
    #[arg(long, value_name = "K=V", value_parser = pair)]
    pub env: Vec<(String, String)>,
    /// A label; several times
    #[arg(long, value_name = "K=V", value_parser = pair)]
    pub label: Vec<(String, String)>,
    /// A directory beside the first that the agent may touch; several times
    #[arg(long, value_name = "DIR")]
    pub add_dir: Vec<PathBuf>,
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

/// `name=value`.
pub fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("name=value is wanted".to_owned()),
    }
}
