//! Tries an agent: each step with its time, and a verdict.

use std::time::Duration;

use convene_api::{
    body::{AgentTest, AgentView, TestAgent},
    client::{Client, CommandKey},
    exit,
    problem::{Code, Problem},
};

use super::show::{choices, shell_words};
use crate::{
    app::App,
    failure::{Failure, Outcome},
    render::{clean::clean_line, words},
};

pub(super) async fn test(app: &App, client: &Client, agents: &[AgentView], name: &str, body: TestAgent) -> Outcome {
    let downloads = agents.iter().find(|agent| agent.name == name).is_some_and(|agent| {
        agent
            .workers
            .iter()
            .any(|(at, found)| found.downloads && body.worker.as_ref().is_none_or(|worker| worker == at))
    });
    if downloads && !app.json {
        app.out.note(&format!("the first start of {name} downloads it, which may take minutes"));
    }
    let result = client.test_agent(name, &body, &CommandKey::fresh()).await?;
    if app.json {
        app.out.json(&result)?;
    } else {
        app.out.text(&told(&result))?;
    }
    match &result.failure {
        None => Ok(exit::DONE),
        Some(failure) => {
            let code = failure.code.as_deref().and_then(Code::parse).unwrap_or(Code::AgentStartFailed);
            let mut problem = Problem::new(code, failure.summary.clone());
            problem.hint.clone_from(&failure.hint);
            if !result.stderr.is_empty() {
                problem = problem.with("cause", last_lines(&result.stderr));
            }
            Err(Failure::from(problem))
        }
    }
}

/// Columns of an answer.
const ANSWER: usize = 72;

/// The steps, one a line, and what they come to.
fn told(result: &AgentTest) -> String {
    let name = clean_line(&result.agent);
    let mut lines = vec![format!("{name} on {}", clean_line(&result.worker))];
    if !result.argv.is_empty() {
        lines.push(format!("  start   {}", shell_words(&result.argv)));
    }
    let took = |ms: u64| words::took(Duration::from_millis(ms));
    if let Some(said) = &result.announced {
        let title = said.title.as_ref().unwrap_or(&said.name);
        let version = said.version.as_deref().map(|version| format!(" {}", clean_line(version))).unwrap_or_default();
        let time = result.initialize_ms.map(took).unwrap_or_default();
        lines.push(format!("+ hello   {}{version}, ACP {}  {time}", clean_line(title), said.protocol_version));
        if let Some(ms) = result.session_ms {
            lines.push(format!("+ session opened, and did not ask to sign in  {}", took(ms)));
        }
        for option in said.config_options.iter().filter(|o| matches!(o.category.as_deref(), Some("mode" | "model"))) {
            lines.push(format!("  {:<7} {}", clean_line(&option.id), choices(option)));
        }
    }
    if let Some(answer) = &result.answer {
        let answer = match clean_line(answer) {
            said if said.is_empty() => "it ended its turn without a word".to_owned(),
            said => format!("it said: {}", words::cut(&said, ANSWER, "...")),
        };
        let time = result.answer_ms.map(took).unwrap_or_default();
        lines.push(format!("+ prompt  {answer}  {time}"));
    }
    match (result.ok, &result.answer) {
        (true, answer) => {
            lines.push("+ end     nothing of it is left".to_owned());
            lines.push(match answer {
                Some(_) => format!("{name} works: convene run -a {name} \"...\""),
                None => format!(
                    "{name} starts and opens a session. No prompt was sent, so whether it is signed in is not known;\n\
                     this one tries it with a small prompt: convene agents test {name} --prompt"
                ),
            });
        }
        (false, _) => {
            lines.push(match (&result.announced, result.session_ms) {
                (_, Some(_)) => "x prompt".to_owned(),
                (Some(_), None) => "x session".to_owned(),
                (None, None) => "x hello".to_owned(),
            });
            lines.push(format!("{name} does not work"));
        }
    }
    lines.join("\n") + "\n"
}

/// The end of what it wrote.
fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(3)..].join("\n")
}
