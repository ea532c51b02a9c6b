//! `convene agents`: the catalogue with what is installed, what agents say of themselves, and whether they work.

mod show;
mod test;

use std::time::Duration;

use clap::{Args, Subcommand};
use convene_api::{
    body::{AgentView, TestAgent},
    client::Client,
    exit,
};
use tokio::time::{Instant, sleep};

use crate::{
    app::App,
    args::{Output, TEMPLATE},
    connect,
    failure::{Failure, Outcome},
    render::clean::clean_line,
    table::{self, Column},
};

const EXAMPLES: &str = "\
Examples:
  convene agents
  convene agents show codex
  convene agents test claude
  convene agents test claude --prompt   also asks it something: proves the sign-in";

/// The agent that is part of the binary: it has no model to sign in to.
const BUILTIN: &str = "builtin";
/// How long a server's own worker may take to report.
const WORKER_WITHIN: Duration = Duration::from_secs(2);

/// List agents, show what one can do, try one
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES)]
pub struct AgentsArgs {
    /// What to do [default: ls]
    #[command(subcommand)]
    pub action: Option<AgentsAction>,
    #[command(flatten)]
    pub look: Look,
}

/// How agents are looked at.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct Look {
    /// Have workers look anew: PATH, versions, registry
    #[arg(long)]
    pub refresh: bool,
    #[command(flatten)]
    pub output: Output,
}

/// What to do with agents.
#[derive(Debug, Subcommand)]
pub enum AgentsAction {
    /// List them
    Ls {
        #[command(flatten)]
        look: Look,
    },
    /// Show how one is started, and what it said it can do
    Show {
        /// Its name
        name: String,
        #[command(flatten)]
        look: Look,
    },
    /// Start one, say hello, open a session, end it; with --prompt also ask it something
    Test {
        /// Its name
        name: String,
        /// The worker that starts it [default: one that has it]
        #[arg(long, value_name = "NAME")]
        worker: Option<String>,
        /// Send one small prompt too: only an answer proves that it is signed in. It may cost a few tokens
        #[arg(long)]
        prompt: bool,
        #[command(flatten)]
        output: Output,
    },
}

impl AgentsArgs {
    /// Whether programs read the result.
    pub fn is_json(&self) -> bool {
        let of_action = match &self.action {
            None => false,
            Some(AgentsAction::Ls { look } | AgentsAction::Show { look, .. }) => look.output.is_json(),
            Some(AgentsAction::Test { output, .. }) => output.is_json(),
        };
        of_action || self.look.output.is_json()
    }
}

/// Runs it.
pub async fn run(app: &App, args: AgentsArgs) -> Outcome {
    let client = connect::client(app).await?;
    let refresh = |look: Look| look.refresh || args.look.refresh;
    match args.action {
        None => list(app, &known(&client, args.look.refresh).await?),
        Some(AgentsAction::Ls { look }) => list(app, &known(&client, refresh(look)).await?),
        Some(AgentsAction::Show { name, look }) => {
            known(&client, refresh(look)).await?;
            show::show(app, &client.agent(&name).await?)
        }
        Some(AgentsAction::Test { name, worker, prompt, .. }) => {
            let agents = known(&client, args.look.refresh).await?;
            test::test(app, &client, &agents, &name, TestAgent { worker, prompt }).await
        }
    }
}

/// What workers report. A server that has just been started hears of its own worker in a moment; a server without
/// any knows nothing of what is installed.
async fn known(client: &Client, refresh: bool) -> Result<Vec<AgentView>, Failure> {
    let since = Instant::now();
    loop {
        let agents = client.agents().await?.items;
        if agents.iter().any(|agent| !agent.workers.is_empty()) || since.elapsed() > WORKER_WITHIN {
            return Ok(if refresh { client.refreshed_agents().await?.items } else { agents });
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
            vec![agent.name.clone(), installed(agent), starts_with(agent), signed_in(agent), what_to_do(agent)]
        })
        .collect();
    const COLUMNS: &[Column] = &[
        Column::new("AGENT"),
        Column::new("INSTALLED"),
        Column::new("STARTS WITH").path(12),
        Column::new("SIGNED IN"),
        Column::new("").below(),
    ];
    table::print(app, COLUMNS, &rows)?;
    Ok(exit::DONE)
}

/// Its version, or whether it is there at all.
fn installed(agent: &AgentView) -> String {
    match (&agent.version, agent.installed) {
        (Some(version), true) => clean_line(version),
        (None, true) => "yes".to_owned(),
        (_, false) if agent.workers.is_empty() => "?".to_owned(),
        (_, false) => "no".to_owned(),
    }
}

fn starts_with(agent: &AgentView) -> String {
    let there = agent.workers.values().find(|found| found.installed);
    there.map_or_else(|| "-".to_owned(), |found| clean_line(&found.starts_with))
}

fn signed_in(agent: &AgentView) -> String {
    match agent.signed_in {
        _ if agent.name == BUILTIN => "needs none",
        Some(true) => "yes",
        Some(false) => "no",
        None if agent.installed => "?",
        None => "-",
    }
    .to_owned()
}

/// How it is installed, or what is wrong with it here.
fn what_to_do(agent: &AgentView) -> String {
    let finding = agent.workers.values().flat_map(|found| &found.findings).next();
    match finding {
        Some(finding) if agent.installed || finding.code != "agent_missing" => {
            format!("{}; {}", clean_line(&finding.summary), clean_line(&finding.fix))
        }
        Some(_) | None if agent.installed => String::new(),
        Some(_) | None => format!("install: {}", clean_line(&agent.install)),
    }
}
