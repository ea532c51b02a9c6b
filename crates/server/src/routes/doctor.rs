//! `GET /v1/doctor`: what is wrong with the server, its data directory and its machine.

use axum::{Json, extract::State};
use convene_api::{
    body::StorageTrouble,
    doctor::{self, Check, DoctorReport, Finding, FindingCode, LIMIT},
    problem::{Code, Problem},
};
use convene_engine::WorkerRecord;
use tokio::task::spawn_blocking;

use crate::{app::App, refusal::Refusal};

/// Every check that the server can make of itself; each takes two seconds at most, and nothing is changed.
#[utoipa::path(get, path = "/v1/doctor", tag = "server", responses((status = 200, body = DoctorReport)))]
pub async fn run_doctor(State(app): State<App>) -> Result<Json<DoctorReport>, Refusal> {
    // One at a time: a probe that hangs on a dead disk keeps a thread.
    let _turn = app.doctor.lock().await;
    let checks = checks(&app);
    let report = spawn_blocking(move || doctor::run(checks, LIMIT)).await;
    let report = report.map_err(|error| Problem::new(Code::Internal, format!("the doctor ended: {error}")))?;
    Ok(Json(once(report)))
}

/// A session whose log is damaged is found on the disk and in memory.
fn once(mut report: DoctorReport) -> DoctorReport {
    let mut told = std::collections::BTreeSet::new();
    report.items.retain(|found| {
        found.code != FindingCode::SessionQuarantined
            || found.data["session"].as_str().is_none_or(|session| told.insert(session.to_owned()))
    });
    report
}

fn checks(app: &App) -> Vec<Check> {
    let mut checks = crate::doctor::checks(&app.config.data_dir);
    checks.extend((app.config.machine_checks)(&app.config.data_dir));
    let workers = app.engine.workers().all();
    let now = app.engine.now().as_second();
    checks.push(Check::new("workers", move || self::workers(&workers, now)));
    let storage = app.storage();
    checks.push(Check::new("storage", move || storage.into_iter().map(no_room).collect()));
    let damaged = app.engine.shared().damaged();
    checks.push(Check::new("logs", move || {
        let told = |(id, why): (convene_core::ids::SessionId, std::sync::Arc<str>)| {
            let short = id.short();
            let summary = format!("the log of {short} cannot be read to its end: {why}");
            let fix = format!("convene logs {short} shows what can be read; the others go on");
            Finding::new(FindingCode::SessionQuarantined, summary, fix).with("session", id.to_string())
        };
        damaged.into_iter().map(told).collect()
    }));
    checks
}

fn no_room(trouble: StorageTrouble) -> Finding {
    let summary = format!("nothing can be written: {}; prompts are refused, and agents wait", trouble.detail);
    let fix = trouble.hint.unwrap_or_default();
    Finding::new(FindingCode::StorageFull, summary, fix).with("code", trouble.code.as_str())
}

/// Workers that are gone; none at all is worse.
fn workers(workers: &[WorkerRecord], now: i64) -> Vec<Finding> {
    if !workers.iter().any(|worker| worker.status.connected) {
        let fix = "start one: convene worker (or convene serve without --no-worker)";
        return vec![Finding::new(FindingCode::NoWorker, "no worker is connected, so nothing can start", fix)];
    }
    let gone = workers.iter().filter(|worker| !worker.status.connected);
    gone.map(|worker| {
        let name = worker.status.name.to_string();
        let ago = now - worker.last_seen_at.as_second();
        let summary = format!("worker {name} was last heard {} min ago", ago / 60);
        let fix = format!("start it on its machine: convene worker --name {name}");
        Finding::new(FindingCode::WorkerOffline, summary, fix).with("worker", name).with("seconds", ago)
    })
    .collect()
}
