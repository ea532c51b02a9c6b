//! `GET /v1/agents` and `GET /v1/workers`

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use convene_api::{
    body::{AgentView, WorkerView},
    problem::Problem,
};
use convene_core::catalogue::{self, CATALOGUE};
use convene_engine::{WorkerRecord, Workers};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{app::App, refusal::Refusal};

/// Agents that are known.
#[derive(Debug, Serialize, ToSchema)]
pub struct Agents {
    /// In the order of the catalogue, then those of configs.
    items: Vec<AgentView>,
}

/// Workers that are or were connected.
#[derive(Debug, Serialize, ToSchema)]
pub struct WorkerList {
    /// By name.
    items: Vec<WorkerView>,
}

/// The agents that are known, with what each worker found on its machine.
#[utoipa::path(
    get, path = "/v1/agents", tag = "machines",
    responses((status = 200, body = Agents), (status = "default", body = Problem, content_type = "application/problem+json")),
)]
pub async fn list_agents(State(app): State<App>) -> Result<Json<Agents>, Refusal> {
    let workers = app.engine.workers().all();
    let mut names: Vec<String> = CATALOGUE.iter().map(|entry| entry.name.to_owned()).collect();
    let others = app.config.agents.iter().chain(workers.iter().flat_map(|w| w.status.agents.iter().map(|a| &a.name)));
    for name in others {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    Ok(Json(Agents { items: names.iter().map(|name| agent(name, &workers)).collect() }))
}

/// The workers that are or were connected.
#[utoipa::path(
    get, path = "/v1/workers", tag = "machines",
    responses((status = 200, body = WorkerList), (status = "default", body = Problem, content_type = "application/problem+json")),
)]
pub async fn list_workers(State(app): State<App>) -> Result<Json<WorkerList>, Refusal> {
    let taken = Workers::seats_taken(app.engine.shared());
    let items = app.engine.workers().all().into_iter().map(|record| WorkerView {
        name: record.status.name.to_string(),
        connected: record.status.connected,
        version: record.version,
        seats: record.status.seats,
        seats_taken: taken.get(&record.status.name).copied().unwrap_or(0),
        labels: record.status.labels,
        agents: record.status.agents,
        last_seen_at: record.last_seen_at,
    });
    Ok(Json(WorkerList { items: items.collect() }))
}

fn agent(name: &str, workers: &[WorkerRecord]) -> AgentView {
    let found: BTreeMap<_, _> = workers
        .iter()
        .filter_map(|w| Some((w.status.name.to_string(), w.status.agents.iter().find(|a| a.name == name)?.clone())))
        .collect();
    let here = workers
        .iter()
        .filter(|w| w.status.connected)
        .flat_map(|w| &w.status.agents)
        .find(|a| a.name == name && a.installed);
    let entry = catalogue::find(name);
    AgentView {
        name: name.to_owned(),
        title: entry.map_or(name, |e| e.title).to_owned(),
        installed: here.is_some(),
        version: here.and_then(|a| a.version.clone()),
        install: entry.map_or("its command is in the config", |e| e.install).to_owned(),
        sign_in: entry.map_or("", |e| e.sign_in).to_owned(),
        workers: found,
    }
}
