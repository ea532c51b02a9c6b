//! `convene agents`: the catalogue with what is installed.

use std::time::Duration;

use clap::{Args, Subcommand};
use convene_api::{
    body::AgentView,
    client::Client,
    exit,
    problem::{Code, Problem},
};
use convene_core::catalogue::nearest;

use tokio::time::{Instant, sleep};

use crate::{
    app::App,
    args::{Output, TEMPLATE},
    connect,
    failure::{Failure, Outcome},
    render::clean::clean_line,
    table,
};

const EXAMPLES: &str = "\
Examples:
  convene agents
  convene agents show codex";

/// How long a server's own worker may take to report.
const WORKER_WITHIN: Duration = Duration::from_secs(2);

/// List agents and what is installed
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES)]
pub struct AgentsArgs {
    /// What to do [default: ls]
    #[command(subcommand)]
    pub action: Option<AgentsAction>,
    #[command(flatten)]
    pub output: Output,
}

/// What to do with agents.
#[derive(Debug, Subcommand)]
pub enum AgentsAction {
    /// List them
    Ls,
    /// Show one
    Show {
        /// Its name
        name: String,
    },
    /// Start one and say what it does (not built yet)
    Test {
        /// Its name
        name: String,
    },
}

/// Runs it.
pub async fn run(app: &App, args: AgentsArgs) -> Outcome {
    if matches!(args.action, Some(AgentsAction::Test { .. })) {
        return super::not_built::refuse("agents test", Some("`convene run -a NAME \"hello\"` tries one"));
    }
    let client = connect::client(app).await?;
    let agents = known(&client).await?;
    let Some(AgentsAction::Show { name }) = args.action else { return list(app, &agents) };
    let Some(agent) = agents.iter().find(|agent| agent.name == name) else {
        let near = nearest(&name, agents.iter().map(|a| a.name.as_str()));
        let mut problem = Problem::filled(Code::AgentUnknown, [("name", format!("{name:?}").into())]);
        problem.hint = Some(match near.first() {
            Some(near) => format!("did you mean {near:?}? All agents: convene agents"),
            None => "all agents: convene agents".to_owned(),
        });
        return Err(problem.into());
    };
    if app.json {
        app.out.json(agent)?;
        return Ok(exit::DONE);
    }
    let mut lines = vec![format!("{}  {}", agent.name, clean_line(&agent.title))];
    lines.push(format!("installed  {}", installed(agent)));
    if !agent.installed {
        lines.push(format!("install    {}", clean_line(&agent.install)));
    }
    lines.push(format!("sign in    {}", clean_line(&agent.sign_in)));
    for (worker, found) in &agent.workers {
        let state = if found.installed { clean_line(&found.starts_with) } else { "not found".to_owned() };
        lines.push(format!("on {worker}   {state}"));
    }
    app.out.text(&(lines.join("\n") + "\n"))?;
    Ok(exit::DONE)
}

/// What workers report. A server that has just been started hears of its own worker in a moment; a server without
/// any knows nothing of what is installed.
async fn known(client: &Client) -> Result<Vec<AgentView>, Failure> {
    let since = Instant::now();
    loop {
        let agents = client.agents().await?.items;
        if agents.iter().any(|agent| !agent.workers.is_empty()) || since.elapsed() > WORKER_WITHIN {
            return Ok(agents);
        }
        sleep(WORKER_WITHIN / 20).await;
    }
}

fn list(app: &App, agents: &[AgentView]) -> Outcome {
    if app.json {
        app.out.json(&serde_json::json!({ "items": agents, "next_cursor": null }))?;
        return Ok(exit::DONE);
    }
    if agents.iter().all(|agent| agent.workers.is_empty()) {
        app.out.warn("no_worker", "no worker is connected, so what is installed is not known");
    }
    let rows: Vec<Vec<String>> = agents
        .iter()
        .map(|agent| {
            let starts = agent.workers.values().find(|found| found.installed).map(|found| found.starts_with.clone());
            let install = if agent.installed { String::new() } else { format!("install: {}", agent.install) };
            vec![agent.name.clone(), installed(agent), starts.unwrap_or_else(|| "-".to_owned()), install]
        })
        .collect();
    table::print(app, &["AGENT", "INSTALLED", "STARTS WITH", ""], &rows)?;
    Ok(exit::DONE)
}

fn installed(agent: &AgentView) -> String {
    match (&agent.version, agent.installed) {
        (Some(version), true) => clean_line(version),
        (None, true) => "yes".to_owned(),
        (_, false) if agent.workers.is_empty() => "?".to_owned(),
        (_, false) => "no".to_owned(),
    }
}
