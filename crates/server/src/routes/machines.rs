//! `GET /v1/workers`

use std::collections::HashMap;

use axum::{Json, extract::State};
use convene_api::body::{Page, WorkerView};
use convene_core::ids::WorkerName;
use convene_engine::{WorkerRecord, Workers};

use super::paging::{Order, Paging, page};
use crate::{app::App, extract::Params, refusal::Refusal};

/// The workers that are or were connected.
#[utoipa::path(
    get, path = "/v1/workers", tag = "machines",
    params(Paging), responses((status = 200, body = Page<WorkerView>)),
)]
pub async fn list_workers(
    State(app): State<App>,
    Params(paging): Params<Paging>,
) -> Result<Json<Page<WorkerView>>, Refusal> {
    let taken = Workers::seats_taken(app.engine.shared());
    let workers = app.engine.workers().all().into_iter().map(|record| worker(record, &taken));
    let mut items: Vec<_> = workers.map(|worker| (worker.name.clone(), worker)).collect();
    items.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(Json(page(&app, "workers", Order::Sorted, &paging, items)?))
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
