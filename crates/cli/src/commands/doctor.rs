//! `convene doctor`: everything that could be wrong, each with its fix.

mod agents;
mod fix;
mod here;
mod server;

pub use server::is_local;

use std::time::Instant;

use clap::Args;
use convene_api::{
    doctor::{self, DoctorReport, Finding, LIMIT, Severity},
    exit,
};

use crate::{
    app::App,
    args::{Output, TEMPLATE},
    failure::{Failure, Outcome},
    render::{clean::clean_line, words},
    terminal,
};

const EXAMPLES: &str = "\
Examples:
  convene doctor
  convene doctor --agent codex    start it too, and see whether it answers
  convene doctor --json | jq '.items[].code'";
const AFTER: &str = "\
Nothing is changed without --fix, and no server is started. Every code is explained in docs/doctor.md.
Exit: 0 no error was found · 1 at least one · 2 usage";

/// Find out what could be wrong, with a fix for each
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES, after_help = AFTER)]
pub struct DoctorArgs {
    /// Mend it: modes, a stale lock, processes left behind, a damaged database
    #[arg(long)]
    pub fix: bool,
    /// Look at this agent alone, and start it to see whether it answers
    #[arg(short, long, value_name = "NAME")]
    pub agent: Option<String>,
    #[command(flatten)]
    pub output: Output,
}

/// Runs it; a server is never started by asking.
pub async fn run(app: &App, args: DoctorArgs) -> Outcome {
    let started = Instant::now();
    let mut report = examined(app, args.agent.as_deref()).await?;
    let mut mended = Vec::new();
    if args.fix {
        mended = fix::all(app, &report).await;
        if mended.iter().any(|mended| mended.is_ok()) {
            // What is still wrong is what counts.
            report = examined(app, args.agent.as_deref()).await?;
        }
    }
    report.took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    if app.json {
        app.out.json(&answer(&report, &mended))?;
    } else {
        for mended in &mended {
            app.out.note(&match mended {
                Ok(done) => done.clone(),
                Err(why) => format!("not mended: {why}"),
            });
        }
        app.out.text(&drawn(app, &report))?;
    }
    Ok(if report.count(Severity::Error) > 0 { exit::FAILED } else { exit::DONE })
}

/// What this machine finds, and what the server finds, side by side.
async fn examined(app: &App, agent: Option<&str>) -> Result<DoctorReport, Failure> {
    let checks = here::checks(app);
    let machine = async {
        let run = tokio::task::spawn_blocking(|| doctor::run(checks, LIMIT));
        run.await.unwrap_or_default()
    };
    let (here, there) = tokio::join!(machine, server::examine(app, agent));
    let mut report = here;
    report.add(there?);
    if let Some(name) = agent {
        // Of the agents this one alone, and what any agent needs.
        report.items.retain(|finding| finding.data["agent"].as_str().is_none_or(|of| of == name));
    }
    Ok(report)
}

fn answer(report: &DoctorReport, mended: &[Result<String, String>]) -> serde_json::Value {
    let done: Vec<&String> = mended.iter().filter_map(|mended| mended.as_ref().ok()).collect();
    let left: Vec<&String> = mended.iter().filter_map(|mended| mended.as_ref().err()).collect();
    serde_json::json!({
        "items": report.items,
        "ok": report.ok,
        "errors": report.count(Severity::Error),
        "warnings": report.count(Severity::Warning),
        "fixed": done,
        "not_fixed": left,
        "took_ms": report.took_ms,
        "next_cursor": null,
    })
}

/// The findings, and what they come to.
fn drawn(app: &App, report: &DoctorReport) -> String {
    let mut text = String::new();
    if app.out.settings().terminal {
        let width = terminal::width();
        for finding in &report.items {
            text.push_str(&row(app, finding, width));
        }
    } else {
        for finding in &report.items {
            let cells = [finding.severity.as_str(), finding.code.as_str(), &finding.summary, &finding.fix];
            text.push_str(&cells.map(clean_line).join("\t"));
            text.push('\n');
        }
    }
    let errors = words::count(report.count(Severity::Error), "error");
    let warnings = words::count(report.count(Severity::Warning), "warning");
    let ok = words::count(report.ok.len(), "check");
    let seconds = report.took_ms as f64 / 1000.0;
    text.push_str(&format!("{errors}, {warnings}, {ok} ok ({seconds:.1} s)\n"));
    text
}

/// One finding: with its fix on the same line if there is room, else on the next.
fn row(app: &App, finding: &Finding, width: usize) -> String {
    let style = app.style();
    let word = format!("{:<8}", finding.severity.as_str());
    let word = match finding.severity {
        Severity::Error => style.bad(&word),
        Severity::Warning => style.warn(&word),
        Severity::Info => style.dim(&word),
    };
    let said = format!("{}: {}", finding.code, clean_line(&finding.summary));
    if finding.fix.is_empty() {
        return format!("{word}{said}\n");
    }
    let fix = format!("fix: {}", clean_line(&finding.fix));
    let indent = 8;
    if indent + words::width(&said) + 2 + words::width(&fix) < width {
        return format!("{word}{said}  {}\n", style.dim(&fix));
    }
    format!("{word}{said}\n{:indent$}{}\n", "", style.dim(&fix))
}
