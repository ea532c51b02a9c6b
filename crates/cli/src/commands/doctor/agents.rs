//! Agents: what is on the machine, which want somebody to sign in, and whether one of them answers.

use std::time::Duration;

use convene_api::{
    body::{AgentView, TestAgent},
    client::{Client, CommandKey},
    doctor::{DoctorReport, Finding, FindingCode},
    problem::{Code, Problem},
};
use convene_core::{
    catalogue::{self, nearest},
    dispatch::AgentFinding,
};
use convene_host::detect::Agents;
use tokio::time::timeout;

use crate::{app::App, commands::worker, failure::Failure, render::clean::clean_line, roles};

/// How long the list may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a server's workers found; of one agent also what it says to a hello.
pub async fn of_server(client: &Client, agent: Option<&str>) -> Result<DoctorReport, Failure> {
    let Ok(Ok(agents)) = timeout(PATIENCE, client.agents()).await else { return Ok(DoctorReport::default()) };
    // Without a worker nothing is known, which is a finding of its own.
    if agents.items.iter().all(|agent| agent.workers.is_empty()) {
        return Ok(DoctorReport::default());
    }
    let known: Vec<Known> = agents.items.into_iter().map(Known::from).collect();
    let mut report = report(&known, agent)?;
    if let Some(one) = agent.and_then(|name| find(&known, name)).filter(|one| one.installed) {
        let found = hello(client, &one.name).await;
        if found.is_empty() {
            report.ok.push(format!("hello of {}", one.name));
        }
        // What was known from an earlier hello is older.
        report.items.retain(|old| !found.iter().any(|new| new.code == old.code));
        report.items.extend(found);
    }
    Ok(report)
}

/// What is on this machine, when no server knows.
pub fn of_machine(app: &App, agent: Option<&str>) -> Result<DoctorReport, Failure> {
    let setup = worker::setup(app)?;
    let exe = roles::executable().unwrap_or_default();
    let agents = Agents::new(exe, setup.agents).downloads(setup.downloads).registry(setup.registry);
    let known: Vec<Known> = agents
        .detect()
        .into_iter()
        .map(|found| {
            let entry = catalogue::find(&found.name);
            let install = entry.map_or("its command is in the config", |entry| entry.install).to_owned();
            let aliases = entry.map(|entry| entry.aliases).unwrap_or_default();
            Known {
                aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
                installed: found.installed,
                install: found.install.unwrap_or(install),
                signed_out: None,
                findings: found.findings,
                name: found.name,
            }
        })
        .collect();
    report(&known, agent)
}

/// An agent, as far as this command wants to know.
struct Known {
    name: String,
    aliases: Vec<String>,
    installed: bool,
    install: String,
    /// How one signs in, if it said that somebody must.
    signed_out: Option<String>,
    findings: Vec<AgentFinding>,
}

impl From<AgentView> for Known {
    fn from(agent: AgentView) -> Self {
        let findings = agent.workers.into_values().filter(|found| found.installed).flat_map(|found| found.findings);
        Self {
            signed_out: (agent.signed_in == Some(false)).then_some(agent.sign_in),
            findings: findings.collect(),
            name: agent.name,
            aliases: agent.aliases,
            installed: agent.installed,
            install: agent.install,
        }
    }
}

fn find<'a>(agents: &'a [Known], name: &str) -> Option<&'a Known> {
    let named = agents.iter().find(|agent| agent.name == name);
    named.or_else(|| agents.iter().find(|agent| agent.aliases.iter().any(|alias| alias == name)))
}

fn report(agents: &[Known], wanted: Option<&str>) -> Result<DoctorReport, Failure> {
    let mut report = DoctorReport::default();
    let Some(name) = wanted else {
        let missing: Vec<&str> =
            agents.iter().filter(|agent| !agent.installed).map(|agent| agent.name.as_str()).collect();
        if missing.is_empty() {
            report.ok.push("agents".to_owned());
        } else {
            // One line: nobody has all of them, and nobody needs to.
            let summary = format!("not installed: {}", missing.join(", "));
            let found = Finding::new(FindingCode::AgentMissing, summary, "convene agents says how each is installed");
            report.items.push(found.with("agents", missing));
        }
        for agent in agents.iter().filter(|agent| agent.installed) {
            look_at(agent, &mut report);
        }
        return Ok(report);
    };
    let Some(agent) = find(agents, name) else { return Err(unknown(agents, name)) };
    if agent.installed {
        look_at(agent, &mut report);
    } else {
        let summary = format!("{} is not installed", agent.name);
        let found = Finding::new(FindingCode::AgentMissing, summary, &agent.install);
        report.items.push(found.with("agent", agent.name.as_str()));
    }
    Ok(report)
}

fn look_at(agent: &Known, report: &mut DoctorReport) {
    let before = report.items.len();
    for finding in &agent.findings {
        // A code of a newer worker is not for this version to explain.
        let known = [FindingCode::AgentOld, FindingCode::NodeOld, FindingCode::AgentMissing];
        if let Some(code) = known.into_iter().find(|code| code.as_str() == finding.code) {
            let found = Finding::new(code, &finding.summary, &finding.fix);
            report.items.push(found.with("agent", agent.name.as_str()));
        }
    }
    if let Some(how) = &agent.signed_out {
        let summary = format!("{} wants you to sign in", agent.name);
        let found = Finding::new(FindingCode::AgentNotSignedIn, summary, how);
        report.items.push(found.with("agent", agent.name.as_str()));
    }
    if report.items.len() == before {
        report.ok.push(format!("agent {}", agent.name));
    }
}

fn unknown(agents: &[Known], name: &str) -> Failure {
    let problem = Problem::filled(Code::AgentUnknown, [("name", format!("{name:?}").into())]);
    let near = nearest(name, agents.iter().map(|agent| agent.name.as_str())).first().copied();
    let hint = match near {
        Some(near) => format!("did you mean {near:?}? All agents: convene agents"),
        None => "all agents: convene agents".to_owned(),
    };
    problem.hint(hint).into()
}

/// Starts an agent, and says what is wrong with its answer.
async fn hello(client: &Client, name: &str) -> Vec<Finding> {
    let test = match client.test_agent(name, &TestAgent::default(), &CommandKey::fresh()).await {
        Ok(test) => test,
        Err(error) => {
            let problem = error.into_problem();
            let fix = problem.hint.unwrap_or_else(|| format!("convene agents test {name}"));
            let found = Finding::new(FindingCode::AgentNoHandshake, clean_line(&problem.detail), fix);
            return vec![found.with("agent", name).with("problem", problem.code.as_str())];
        }
    };
    if test.ok {
        return Vec::new();
    }
    let wants_sign_in = test.announced.as_ref().is_some_and(|said| said.signed_in == Some(false));
    let code = if wants_sign_in { FindingCode::AgentNotSignedIn } else { FindingCode::AgentNoHandshake };
    let (summary, fix) = match test.failure {
        Some(failure) => {
            let first = failure.summary.lines().next().unwrap_or_default().to_owned();
            (first, failure.hint.unwrap_or_else(|| format!("convene agents test {name}")))
        }
        None => (format!("{name} opened no session"), format!("convene agents test {name}")),
    };
    vec![Finding::new(code, clean_line(&summary), fix).with("agent", name).with("worker", test.worker)]
}
