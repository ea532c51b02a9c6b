//! `GET /v1/agents`, `GET /v1/agents/{name}` and `POST /v1/agents/{name}/test`

use std::{collections::BTreeMap, time::Duration};

use axum::{
    Json,
    extract::{Path, State},
};
use convene_api::{
    body::{AgentTest, AgentView, Page, TestAgent},
    problem::{Code, Problem},
    uplink::{Answer, Question},
};
use convene_core::{
    catalogue::{self, CATALOGUE, nearest},
    dispatch::DetectedAgent,
    ids::WorkerName,
};
use convene_engine::WorkerRecord;
use futures_util::future::join_all;
use serde::Deserialize;
use utoipa::IntoParams;

use super::paging::{Order, Paging, page};
use crate::{
    app::App,
    extract::{Change, Params},
    refusal::Refusal,
};

/// How long a worker may take to look for agents anew. It may run each one for its version, and fetch a registry.
const LOOKING: Duration = Duration::from_secs(45);
/// How long a test may take. The worker keeps its own time, which is shorter: an agent that is downloaded first has five
/// minutes to say hello and as long to open its session.
const TESTING: Duration = Duration::from_secs(720);

/// Which agents are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// At most so many; 100 by default.
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: Option<usize>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// Whether workers look anew first, which takes seconds.
    #[serde(default)]
    refresh: bool,
}

/// The agents that are known, those of the catalogue first, with what each worker found on its machine.
#[utoipa::path(
    get, path = "/v1/agents", tag = "machines", params(Wanted),
    responses((status = 200, body = Page<AgentView>)),
)]
pub async fn list_agents(
    State(app): State<App>,
    Params(wanted): Params<Wanted>,
) -> Result<Json<Page<AgentView>>, Refusal> {
    if wanted.refresh {
        refresh(&app).await;
    }
    let paging = Paging { limit: wanted.limit, cursor: wanted.cursor };
    let items = views(&app).into_iter().map(|agent| (agent.name.clone(), agent)).collect();
    Ok(Json(page(&app, "agents", Order::Given, &paging, items)?))
}

/// One agent, by its name or an alias, with what it announced about itself on each worker.
#[utoipa::path(
    get, path = "/v1/agents/{name}", tag = "machines", params(("name" = String, Path)),
    responses((status = 200, body = AgentView)),
)]
pub async fn get_agent(State(app): State<App>, Path(name): Path<String>) -> Result<Json<AgentView>, Refusal> {
    let name = known(&app, &name)?;
    let mut agent = view(&app, &name, &app.engine.workers().all());
    agent.announced = app.announced.of(&name);
    Ok(Json(agent))
}

/// Starts an agent on a worker, says hello, opens a session in an empty directory, and ends it again. With `prompt` it
/// gets one small prompt in between, and only that proves that it is signed in. The answer comes when nothing of it is
/// left; an agent that does not work is an answer, too.
#[utoipa::path(
    post, path = "/v1/agents/{name}/test", tag = "machines", params(("name" = String, Path)),
    request_body = TestAgent, responses((status = 200, body = AgentTest)),
)]
pub async fn test_agent(
    State(app): State<App>,
    Path(name): Path<String>,
    Change { body, .. }: Change<TestAgent>,
) -> Result<Json<AgentTest>, Refusal> {
    let name = known(&app, &name)?;
    let worker = worker_for(&app, &name, body.worker.as_deref())?;
    let question = Question::TestAgent { agent: name.clone(), prompt: body.prompt };
    match app.asks.ask(&worker, question, TESTING).await? {
        Answer::Test(test) => {
            if let Some(said) = test.announced.clone()
                && app.announced.keep(&name, said).await
            {
                app.workers_changed.send_replace(());
            }
            Ok(Json(*test))
        }
        Answer::Agents(_)
        | Answer::Directories(_)
        | Answer::Changes(_)
        | Answer::MayRemove {}
        | Answer::Removed { .. }
        | Answer::Refused { .. } => Err(strange(&worker)),
    }
}

/// All agents that are known, as clients see them in a list.
pub fn views(app: &App) -> Vec<AgentView> {
    let workers = app.engine.workers().all();
    names(app, &workers).iter().map(|name| view(app, name, &workers)).collect()
}

/// Has every connected worker look anew. One that does not answer is shown as it was.
async fn refresh(app: &App) {
    let workers = app.engine.workers().all().into_iter().filter(|worker| worker.status.connected);
    let looks = workers.map(|worker| async move {
        let name = worker.status.name;
        match app.asks.ask(&name, Question::Detect, LOOKING).await {
            Ok(Answer::Agents(agents)) => app.engine.workers().set_agents(&name, agents),
            Ok(_) => tracing::warn!(worker.id = %name, "a worker answered something else"),
            Err(problem) => tracing::warn!(worker.id = %name, why = problem.detail, "a worker did not look anew"),
        }
    });
    join_all(looks).await;
    app.workers_changed.send_replace(());
    app.engine.shared().dispatch.notify_one();
}

/// Those of the catalogue first, then those of the configuration and of workers.
fn names(app: &App, workers: &[WorkerRecord]) -> Vec<String> {
    let mut names: Vec<String> = CATALOGUE.iter().map(|entry| entry.name.to_owned()).collect();
    let others = app.config.agents.iter().chain(workers.iter().flat_map(|w| w.status.agents.iter().map(|a| &a.name)));
    for name in others {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

/// The name that a name or an alias means.
fn known(app: &App, name: &str) -> Result<String, Problem> {
    let names = names(app, &app.engine.workers().all());
    if names.iter().any(|known| known == name) {
        return Ok(name.to_owned());
    }
    if let Some(entry) = catalogue::find_alias(name) {
        return Ok(entry.name.to_owned());
    }
    let problem = Problem::filled(Code::AgentUnknown, [("name", format!("{name:?}").into())]);
    Err(match nearest(name, names.iter().map(String::as_str)).first() {
        Some(near) => problem.with("near", *near).hint(format!("did you mean {near:?}? All agents: convene agents")),
        None => problem.hint("all agents: convene agents"),
    })
}

/// The worker that is wanted, else one that has the agent, else any that is there.
fn worker_for(app: &App, agent: &str, wanted: Option<&str>) -> Result<WorkerName, Problem> {
    let workers = app.engine.workers().all();
    if let Some(wanted) = wanted {
        let found = workers.iter().map(|worker| &worker.status.name).find(|name| *name.0 == *wanted);
        return found.cloned().ok_or_else(|| {
            let known: Vec<String> = workers.iter().map(|w| w.status.name.to_string()).collect();
            Problem::filled(Code::WorkerUnknown, [("sel", wanted.into()), ("list", known.into())])
        });
    }
    let connected: Vec<&WorkerRecord> = workers.iter().filter(|worker| worker.status.connected).collect();
    let has = |worker: &&&WorkerRecord| worker.status.agents.iter().any(|a| a.name == agent && a.installed);
    let worker = connected.iter().find(has).or_else(|| connected.first());
    worker.map(|worker| worker.status.name.clone()).ok_or_else(|| {
        Problem::new(Code::WorkerUnreachable, "no worker is connected, so there is nobody to start the agent")
            .hint("start one with `convene worker`, or a server that has one with `convene serve`")
    })
}

fn view(app: &App, name: &str, workers: &[WorkerRecord]) -> AgentView {
    let found: BTreeMap<String, DetectedAgent> = workers
        .iter()
        .filter_map(|w| Some((w.status.name.to_string(), w.status.agents.iter().find(|a| a.name == name)?.clone())))
        .collect();
    let connected = workers.iter().filter(|w| w.status.connected).flat_map(|w| &w.status.agents);
    let there: Vec<&DetectedAgent> = connected.filter(|a| a.name == name).collect();
    let here = there.iter().find(|a| a.installed);
    let told = here.or(there.first());
    let entry = catalogue::find(name);
    let said = app.announced.of(name);
    let said = said.first();
    let own = |text: fn(&DetectedAgent) -> Option<&String>| told.and_then(|a| text(a)).cloned();
    AgentView {
        name: name.to_owned(),
        title: entry
            .map(|e| e.title.to_owned())
            .or_else(|| own(|a| a.title.as_ref()))
            .unwrap_or_else(|| name.to_owned()),
        aliases: entry.map(|e| e.aliases.iter().map(|alias| (*alias).to_owned()).collect()).unwrap_or_default(),
        installed: here.is_some(),
        version: here.and_then(|a| a.version.clone()).or_else(|| said.and_then(|said| said.version.clone())),
        install: entry
            .map(|e| e.install.to_owned())
            .or_else(|| own(|a| a.install.as_ref()))
            .unwrap_or_else(|| "its command is in the config".to_owned()),
        sign_in: entry.map_or("", |e| e.sign_in).to_owned(),
        signed_in: said.and_then(|said| said.signed_in),
        tried: entry.map_or("", |e| e.doubt).to_owned(),
        workers: found,
        announced: Vec::new(),
    }
}

fn strange(worker: &WorkerName) -> Refusal {
    Problem::new(Code::WorkerUnreachable, format!("worker {worker} answered something else"))
        .hint("it may be of another version: start it anew")
        .into()
}
