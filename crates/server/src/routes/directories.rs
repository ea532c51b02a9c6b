//! `GET /v1/workers/{worker}/dirs`

use std::time::Duration;

use axum::{
    Json,
    extract::{Path, State},
};
use convene_api::{
    body::DirectoryList,
    problem::{Code, Problem},
    uplink::{Answer, Question},
};
use convene_core::ids::WorkerName;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{app::App, extract::Params, refusal::Refusal};

/// How long a worker may look.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is listed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DirectoriesQuery {
    /// What the paths begin with; the roots themselves if it is empty.
    #[serde(default)]
    #[param(max_length = 4096)]
    prefix: String,
    /// The most that are wanted: 1 to 500.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u16>,
}

/// Directories of a worker's machine that a session may work in, for whoever types one: those inside its roots whose
/// paths begin with the prefix, repositories first.
#[utoipa::path(
    get, path = "/v1/workers/{worker}/dirs", tag = "machines",
    params(("worker" = String, Path, description = "The worker's name."), DirectoriesQuery),
    responses((status = 200, body = DirectoryList)),
)]
pub async fn list_directories(
    State(app): State<App>,
    Path(worker): Path<String>,
    Params(query): Params<DirectoriesQuery>,
) -> Result<Json<DirectoryList>, Refusal> {
    let name = WorkerName::new(&worker);
    let known: Vec<String> = app.engine.workers().all().iter().map(|w| w.status.name.to_string()).collect();
    if !known.contains(&worker) {
        let fields = [("sel", worker.into()), ("list", known.into())];
        return Err(Problem::filled(Code::WorkerUnknown, fields).into());
    }
    let limit = query.limit.unwrap_or(50);
    if !(1..=500).contains(&limit) {
        return Err(crate::refusal::invalid("limit", "it must be from 1 to 500").into());
    }
    let question = Question::Directories { prefix: query.prefix, limit: limit.into() };
    match app.asks.ask(&name, question, PATIENCE).await? {
        Answer::Directories(list) => Ok(Json(list)),
        other => Err(crate::uplink::odd_answer(&name, &other).into()),
    }
}
