//! `GET /v1/agents` and `GET /v1/workers`

use std::collections::{BTreeMap, HashMap};

use axum::{Json, extract::State};
use convene_api::body::{AgentView, Items, WorkerView};
use convene_core::{
    catalogue::{self, CATALOGUE},
    ids::WorkerName,
};
use convene_engine::{WorkerRecord, Workers};

use crate::{app::App, refusal::Refusal};

/// The agents that are known, those of the catalogue first, with what each worker found on its machine.
#[utoipa::path(
    get, path = "/v1/agents", tag = "machines",
    responses((status = 200, body = Items<AgentView>)),
)]
pub async fn list_agents(State(app): State<App>) -> Result<Json<Items<AgentView>>, Refusal> {
    let workers = app.engine.workers().all();
    let mut names: Vec<String> = CATALOGUE.iter().map(|entry| entry.name.to_owned()).collect();
    let others = app.config.agents.iter().chain(workers.iter().flat_map(|w| w.status.agents.iter().map(|a| &a.name)));
    for name in others {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    Ok(Json(Items { items: names.iter().map(|name| agent(name, &workers)).collect() }))
}

/// The workers that are or were connected.
#[utoipa::path(
    get, path = "/v1/workers", tag = "machines",
    responses((status = 200, body = Items<WorkerView>)),
)]
pub async fn list_workers(State(app): State<App>) -> Result<Json<Items<WorkerView>>, Refusal> {
    let taken = Workers::seats_taken(app.engine.shared());
    let items = app.engine.workers().all().into_iter().map(|record| worker(record, &taken));
    Ok(Json(Items { items: items.collect() }))
}

/// A worker as clients see it; `taken` are the seats in use.
pub fn worker(record: WorkerRecord, taken: &HashMap<WorkerName, u32>) -> WorkerView {
    WorkerView {
        name: record.status.name.to_string(),
        connected: record.status.connected,
        version: record.version,
        seats: record.status.seats,
        seats_taken: taken.get(&record.status.name).copied().unwrap_or(0),
        labels: record.status.labels,
        agents: record.status.agents,
        last_seen_at: record.last_seen_at,
    }
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
