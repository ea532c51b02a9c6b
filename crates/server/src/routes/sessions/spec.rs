//! Makes a session's spec of what was asked for, or says what is wrong with it.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use convene_api::{
    body::{CreateSession, PromptInput, SessionLimits, WorktreeInput},
    problem::{Code, Problem},
};
use convene_core::{
    catalogue::{self, nearest},
    command::NewPrompt,
    content::ContentBlock,
    ids::{SessionId, ThreadId, TurnId, WorkerName},
    spec::{Origin, SessionSpec, TurnSource},
    workspace::WorktreeSpec,
};
use convene_engine::{NewSession, ThreadPlace, WorkerRecord};
use serde_json::Value;

use super::given;
use crate::{
    app::App,
    auth::Caller,
    extract::size,
    refusal::{Refusal, invalid, not_built},
    roots,
};

/// The longest title, in characters.
pub const TITLE_MAX: usize = 200;

/// The longest wall clock for a turn, in seconds: a year.
pub const TIMEOUT_MAX: u64 = 365 * 86_400;

/// Checks everything that can be checked before the engine is asked.
pub async fn new_session(
    app: &App,
    caller: &Caller,
    body: CreateSession,
    thread: Option<ThreadPlace>,
) -> Result<NewSession, Refusal> {
    refuse_not_built(&body)?;
    given::environment(&body.env)?;
    check_env(&body.env)?;
    let title = title(body.title)?;
    let prompt = body.prompt.map(|input| prompt(app, input)).transpose()?;
    let workers = app.engine.workers().all();
    let agent = canonical(app, body.agent.unwrap_or_else(|| app.config.default_agent.clone()), &workers);
    let worker = worker(body.worker, &workers)?;
    check_agent(app, &agent, worker.as_deref(), &workers)?;
    let cwd = body.cwd.unwrap_or_else(|| app.config.home.display().to_string());
    let (cwd, add_dirs) = check_dirs(app, cwd, body.add_dirs).await?;
    let worktree = worktree(body.worktree, &cwd)?;
    let thread = match (thread, body.thread_id) {
        (Some(_), Some(_)) => return Err(invalid("session.thread_id", "the new thread is its thread").into()),
        (Some(place), None) => place,
        (None, Some(id)) => ThreadPlace::Existing(id),
        (None, None) => ThreadPlace::New(ThreadId::new(app.engine.uuid())),
    };
    let limits = self::limits(body.limits)?;
    let mut spec = SessionSpec {
        agent,
        cwd,
        worktree,
        add_dirs,
        system_prompt: body.system_prompt,
        model: body.model,
        mode: body.mode,
        config: body.config,
        permissions: body.permissions.unwrap_or_default(),
        env: body.env,
        mcp_servers: given::mcp_servers(body.mcp_servers)?,
        worker,
        timeout: timeout(body.timeout)?.unwrap_or(0),
        inactivity_warn: limits.inactivity_warn.unwrap_or(app.config.inactivity_warn),
        inactivity_timeout: limits.inactivity_timeout.unwrap_or(app.config.inactivity_timeout),
        ask_timeout: app.config.ask_timeout,
        on_turn_end: body.on_turn_end.unwrap_or_default(),
        crash_policy: body.crash_policy.unwrap_or_default(),
    };
    let id = SessionId::new(app.engine.uuid());
    // From here on nobody sees the values but the runner that needs them.
    app.keys.seal.close(id, &mut spec).map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    Ok(NewSession {
        id,
        spec,
        thread,
        owner: caller.owner.clone(),
        namespace: caller.namespace.to_owned(),
        origin: Origin::User,
        title,
        labels: body.labels,
        prompt,
        fork: None,
    })
}

/// Limits of a session, each within its own.
pub fn limits(limits: Option<SessionLimits>) -> Result<SessionLimits, Problem> {
    let limits = limits.unwrap_or_default();
    for (field, seconds) in
        [("limits.inactivity_warn", limits.inactivity_warn), ("limits.inactivity_timeout", limits.inactivity_timeout)]
    {
        if let Some(seconds) = seconds.filter(|seconds| *seconds > TIMEOUT_MAX) {
            return Err(invalid(field, format!("{seconds} is more than {TIMEOUT_MAX} seconds")));
        }
    }
    Ok(limits)
}

/// The wall clock for a turn within its limit.
pub fn timeout(seconds: Option<u64>) -> Result<Option<u64>, Problem> {
    match seconds {
        Some(seconds) if seconds > TIMEOUT_MAX => {
            Err(invalid("timeout", format!("{seconds} is more than {TIMEOUT_MAX} seconds")))
        }
        seconds => Ok(seconds),
    }
}

/// Names and values that a process can have in its environment.
fn check_env(env: &BTreeMap<String, String>) -> Result<(), Problem> {
    let wrong = env.iter().find(|(name, value)| name.is_empty() || name.contains(['=', '\0']) || value.contains('\0'));
    match wrong {
        Some((name, _)) => Err(invalid("env", format!("{name:?} cannot be in an environment"))),
        None => Ok(()),
    }
}

/// A title within its limit.
pub fn title(title: Option<String>) -> Result<String, Problem> {
    let title = title.unwrap_or_default();
    match title.chars().count() {
        length if length > TITLE_MAX => {
            Err(invalid("title", format!("it has {length} characters, the limit is {TITLE_MAX}")))
        }
        _ => Ok(title.trim().to_owned()),
    }
}

/// A prompt with the id of its turn.
pub fn prompt(app: &App, input: PromptInput) -> Result<NewPrompt, Problem> {
    let content = content(app, input)?;
    Ok(NewPrompt { turn: TurnId::new(app.engine.uuid()), content, source: TurnSource::User })
}

/// Content within its limit.
pub fn content(app: &App, input: PromptInput) -> Result<Arc<Vec<ContentBlock>>, Problem> {
    let blocks = input.into_blocks();
    let length: usize = blocks
        .iter()
        .map(|block| match block {
            ContentBlock::Text { text } => text.len(),
            ContentBlock::Image { data, .. } | ContentBlock::Audio { data, .. } => data.len(),
            ContentBlock::ResourceLink { uri, name, .. } => uri.len() + name.len(),
            ContentBlock::Resource { resource } => resource.to_string().len(),
        })
        .sum();
    let max = app.config.prompt_max;
    if length > max {
        let fields = [("size", size(length as u64).into()), ("max", size(max as u64).into())];
        return Err(Problem::filled(Code::PromptTooLarge, fields));
    }
    Ok(Arc::new(blocks))
}

fn refuse_not_built(body: &CreateSession) -> Result<(), Problem> {
    let off = |value: &Option<Value>, off: &Value| value.as_ref().is_none_or(|v| v.is_null() || v == off);
    if !off(&body.sandbox, &Value::from("none")) {
        return Err(not_built("sandbox", "leave it out, or say \"none\""));
    }
    if body.repos.as_ref().is_some_and(|v| !v.is_null()) {
        return Err(not_built("repos", "clone them yourself and name the directory as cwd"));
    }
    if body.env.values().any(|value| value.starts_with("env:")) {
        return Err(not_built("env:NAME in a session's env", "put it into the env of an agent in the worker's config"));
    }
    Ok(())
}

/// The worktree that is wished for. Whether it can be made, its worker finds out; what is plain is said at once.
fn worktree(wanted: Option<WorktreeInput>, cwd: &str) -> Result<Option<WorktreeSpec>, Problem> {
    let spec = match wanted {
        None | Some(WorktreeInput::Wanted(false)) => return Ok(None),
        Some(WorktreeInput::Wanted(true)) => WorktreeSpec::default(),
        Some(WorktreeInput::Spec(spec)) => spec,
    };
    if let Some(branch) = &spec.branch {
        let odd = branch.starts_with(['-', '/', '.'])
            || branch.ends_with(['/', '.'])
            || branch.ends_with(".lock")
            || branch.contains("..")
            || branch.contains("//")
            || branch.contains("@{")
            || branch.chars().any(|c| c.is_control() || c.is_whitespace() || "~^:?*[\\".contains(c));
        if odd || branch.is_empty() {
            return Err(invalid("worktree.branch", format!("{branch:?} is no name of a branch")));
        }
    }
    if spec.base.as_ref().is_some_and(|base| base.is_empty() || base.contains(['\0', '\n'])) {
        return Err(invalid("worktree.base", "it names no commit"));
    }
    // Only if the directory is on this machine too; its worker looks again.
    let cwd = Path::new(cwd);
    if cwd.is_dir() && !cwd.ancestors().any(|dir| dir.join(".git").exists()) {
        return Err(Problem::filled(Code::WorktreeNotGit, [("dir", cwd.display().to_string().into())]));
    }
    Ok(Some(spec))
}

fn worker(wanted: Option<Value>, workers: &[WorkerRecord]) -> Result<Option<String>, Problem> {
    match wanted {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(name)) if workers.iter().any(|w| w.status.name == WorkerName::new(&name)) => Ok(Some(name)),
        Some(Value::String(name)) => {
            let known: Vec<String> = workers.iter().map(|w| w.status.name.to_string()).collect();
            Err(Problem::filled(Code::WorkerUnknown, [("sel", name.into()), ("list", known.into())]))
        }
        Some(Value::Object(labels)) => by_labels(&labels, workers).map(Some),
        Some(Value::Bool(_) | Value::Number(_) | Value::Array(_)) => {
            Err(invalid("worker", "it must be a name, or labels"))
        }
    }
}

/// The worker with all of these labels that has most seats; one that is connected before one that is not.
fn by_labels(labels: &serde_json::Map<String, Value>, workers: &[WorkerRecord]) -> Result<String, Problem> {
    if let Some((name, _)) = labels.iter().find(|(_, value)| !value.is_string()) {
        return Err(invalid("worker", format!("the label {name} must be a text")));
    }
    let fits = |w: &&WorkerRecord| {
        labels.iter().all(|(name, value)| w.status.labels.get(name).map(String::as_str) == value.as_str())
    };
    let found = workers.iter().filter(fits).max_by_key(|w| (w.status.connected, w.status.seats));
    found.map(|w| w.status.name.to_string()).ok_or_else(|| {
        let known: Vec<String> = workers.iter().map(|w| w.status.name.to_string()).collect();
        let sel = Value::Object(labels.clone()).to_string();
        Problem::filled(Code::WorkerUnknown, [("sel", sel.into()), ("list", known.into())])
    })
}

/// The name that an alias of the catalogue stands for, unless somebody has an agent of that very name.
fn canonical(app: &App, agent: String, workers: &[WorkerRecord]) -> String {
    let reported = workers.iter().flat_map(|w| &w.status.agents).any(|a| a.name == agent);
    match catalogue::find_alias(&agent) {
        Some(entry) if !reported && !app.config.agents.contains(&agent) => entry.name.to_owned(),
        Some(_) | None => agent,
    }
}

/// The agent must be known, and installed somewhere if anybody is there to ask; else the session waits for a worker.
fn check_agent(app: &App, agent: &str, worker: Option<&str>, workers: &[WorkerRecord]) -> Result<(), Problem> {
    let reported = workers.iter().flat_map(|w| &w.status.agents);
    let known = catalogue::CATALOGUE.iter().map(|entry| entry.name);
    let known = known.chain(app.config.agents.iter().map(String::as_str));
    let known: Vec<&str> = known.chain(reported.map(|a| a.name.as_str())).collect();
    if !known.contains(&agent) {
        let problem = match nearest(agent, known.iter().copied()).first() {
            Some(near) => Problem::filled(Code::AgentUnknown, [("name", agent.into()), ("near", (*near).into())]),
            None => Problem::filled(Code::AgentUnknown, [("name", agent.into())]).hint("`convene agents` lists them"),
        };
        return Err(problem);
    }
    let asked: Vec<&WorkerRecord> =
        workers.iter().filter(|w| w.status.connected && worker.is_none_or(|name| *w.status.name.0 == *name)).collect();
    let installed = |w: &&WorkerRecord| w.status.agents.iter().any(|a| a.name == agent && a.installed);
    if asked.is_empty() || asked.iter().any(installed) {
        return Ok(());
    }
    let names: Vec<String> = asked.iter().map(|w| w.status.name.to_string()).collect();
    let install = catalogue::find(agent).map_or("its command is not on the worker's PATH", |entry| entry.install);
    let fields = [("agent", agent.into()), ("worker", names.join(", ").into()), ("install", install.into())];
    let problem = Problem::filled(Code::AgentNotInstalled, fields);
    // That it is there and something else stands in its way, the worker knows better.
    let findings = asked.iter().flat_map(|w| &w.status.agents).filter(|a| a.name == agent).flat_map(|a| &a.findings);
    Err(match findings.into_iter().next() {
        Some(finding) if finding.code != "agent_missing" => {
            Problem { detail: finding.summary.clone(), ..problem }.hint(finding.fix.clone())
        }
        Some(_) | None => problem,
    })
}

async fn check_dirs(app: &App, cwd: String, add_dirs: Vec<String>) -> Result<(String, Vec<String>), Refusal> {
    let app = app.clone();
    let checked = tokio::task::spawn_blocking(move || {
        let cwd = roots::check(&app.config, "cwd", &cwd)?;
        let add_dirs =
            add_dirs.iter().map(|dir| roots::check(&app.config, "add_dirs", dir)).collect::<Result<_, _>>()?;
        Ok::<_, Problem>((cwd, add_dirs))
    });
    // It fails only when the runtime goes down.
    let stopping = |_| Problem::filled(Code::Unavailable, [("state", "stopping".into())]);
    Ok(checked.await.map_err(stopping)??)
}
