//! What the server says of itself, of its machine, of its workers and their agents. When none answers on this machine, the
//! command looks at the data directory and at the machine by itself.

use std::time::Duration;

use convene_api::{
    doctor::{self, Check, DoctorReport, Finding, FindingCode, LIMIT, Severity},
    problem::{Code, Problem},
};
use tokio::time::timeout;

use super::agents;
use crate::{
    app::{App, now},
    connect,
    failure::Failure,
};

/// How long the server may take: its own checks have two seconds.
const PATIENCE: Duration = Duration::from_secs(4);
/// How far two clocks may be apart, in milliseconds.
const SKEW: i64 = 5000;

/// Everything that a server can say, or what can be said without one.
pub async fn examine(app: &App, agent: Option<&str>) -> Result<DoctorReport, Failure> {
    let client = match timeout(PATIENCE, connect::running(app)).await {
        Ok(Ok(client)) => client.patience(Duration::ZERO),
        Ok(Err(Failure::Problem(problem))) if is_down(&problem) => {
            return without(app, agent, down(app, &problem)).await;
        }
        // An address or a token's file that cannot be used.
        Ok(Err(Failure::Problem(problem))) => {
            let fix = problem.hint.clone().unwrap_or_else(|| "set it right, or leave it out".to_owned());
            let found = Finding::new(FindingCode::ConfigInvalid, problem.detail.clone(), fix);
            return without(app, agent, found.with("problem", problem.code.as_str())).await;
        }
        Ok(Err(failure)) => return Err(failure),
        Err(_late) => return without(app, agent, silent()).await,
    };
    let before = now();
    let status = match timeout(PATIENCE, client.status()).await {
        Ok(Ok(status)) => status,
        Ok(Err(error)) => {
            let problem = error.into_problem();
            if is_down(&problem) {
                return without(app, agent, down(app, &problem)).await;
            }
            return Err(problem.into());
        }
        Err(_late) => return without(app, agent, silent()).await,
    };
    let after = now();
    let mut report = DoctorReport::default();
    let mut told = |name: &str, found: Vec<Finding>| {
        if found.is_empty() {
            report.ok.push(name.to_owned());
        }
        report.items.extend(found);
    };
    told("server", Vec::new());
    told("versions", skew_of_versions(&status.version));
    let middle = before.as_millisecond().midpoint(after.as_millisecond());
    told("clocks", skew_of_clocks(status.server_time.as_millisecond() - middle));
    match timeout(PATIENCE, client.doctor()).await {
        Ok(Ok(theirs)) => report.add(theirs),
        // An older server, or one whose checks hang: this machine is looked at from here, if it is the server's.
        Ok(Err(_)) | Err(_) if is_local(app) => report.add(machine(app).await),
        Ok(Err(_)) | Err(_) => {}
    }
    report.add(agents::of_server(&client, agent).await?);
    Ok(report)
}

/// Whether the server that is meant is the one of the data directory.
pub fn is_local(app: &App) -> bool {
    app.globals.server.is_none() && app.environment.get("CONVENE_URL").is_none() && app.config.client.url.is_empty()
}

fn is_down(problem: &Problem) -> bool {
    matches!(problem.code, Code::ServerUnreachable | Code::Unavailable)
}

/// What is found when nobody answers.
async fn without(app: &App, agent: Option<&str>, why: Finding) -> Result<DoctorReport, Failure> {
    let mut report = DoctorReport { items: vec![why], ..DoctorReport::default() };
    if is_local(app) {
        report.add(machine(app).await);
        report.add(agents::of_machine(app, agent)?);
    }
    Ok(report)
}

/// The data directory and this machine, looked at from here.
async fn machine(app: &App) -> DoctorReport {
    let mut checks: Vec<Check> = convene_server::doctor::checks(&app.data_dir);
    checks.extend(convene_host::doctor::checks(&app.data_dir));
    let run = tokio::task::spawn_blocking(|| doctor::run(checks, LIMIT));
    run.await.unwrap_or_default()
}

fn down(app: &App, problem: &Problem) -> Finding {
    let found = Finding::new(FindingCode::ServerDown, problem.detail.clone(), "");
    if is_local(app) {
        return Finding {
            fix: "nothing to do: commands start it; `convene serve` runs it in the foreground".into(),
            ..found
        };
    }
    Finding { fix: "start it there with `convene serve`".into(), ..found.severity(Severity::Error) }
}

fn silent() -> Finding {
    let summary = format!("the server does not answer in {} s", PATIENCE.as_secs());
    Finding::new(FindingCode::ServerSilent, summary, "look at logs/server.log in the data directory")
}

fn skew_of_versions(server: &str) -> Vec<Finding> {
    let ours = env!("CARGO_PKG_VERSION");
    if server == ours {
        return Vec::new();
    }
    let summary = format!("this command is {ours}, the server is {server}");
    let fix = "convene shutdown; the next command starts the server anew, and sessions go on";
    vec![Finding::new(FindingCode::VersionSkew, summary, fix).with("cli", ours).with("server", server)]
}

/// `ahead`: by how many milliseconds the server's clock is ahead of this one.
fn skew_of_clocks(ahead: i64) -> Vec<Finding> {
    if ahead.abs() <= SKEW {
        return Vec::new();
    }
    let word = if ahead > 0 { "ahead of" } else { "behind" };
    let summary = format!("the server's clock is {} s {word} this one", ahead.abs() / 1000);
    vec![Finding::new(FindingCode::ClockSkew, summary, "set both clocks by NTP").with("ahead_ms", ahead)]
}
