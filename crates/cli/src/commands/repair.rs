//! `convene repair`: says what is wrong with a log, and closes one that was cut short.

use std::path::Path;

use clap::Args;
use convene_api::{
    body::{RepairReport, RepairSession},
    client::CommandKey,
    exit,
    problem::{Code, Problem},
};
use convene_core::{
    ids::SessionId,
    repair::{Action, ActionCode, Analysis, Findings, IssueCode, Severity, Standing},
};
use serde_json::json;

use super::rm::agreed;
use crate::{
    app::App,
    args::{Output, TEMPLATE},
    connect,
    exported::{Line, Lines},
    failure::Outcome,
    ids,
    render::{clean::clean_line, words},
};

const EXAMPLES: &str = "\
Examples:
  convene repair k3f9qz --dry-run         what is wrong, and what would be done
  convene repair k3f9qz
  convene repair cart.jsonl --dry-run     of an exported session";
const AFTER: &str = "\
A repair only appends: the ends of what the last turn left open. A log that can be read past its
holes is usable again.
Exit: 0 repaired, or nothing wrong (--dry-run) · 1 refused, nothing to repair · 2 usage · 6 no server";

/// Diagnose and close a broken log
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES, after_help = AFTER)]
pub struct RepairArgs {
    /// Session: id, prefix, short id, title or @; or a file that `convene export` wrote
    pub id: String,
    /// Only say what would be done
    #[arg(long)]
    pub dry_run: bool,
    /// Close the last turn also of a session that did not end by a crash
    #[arg(long)]
    pub force: bool,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    #[command(flatten)]
    pub output: Output,
}

/// Runs it.
pub async fn run(app: &App, args: RepairArgs) -> Outcome {
    let file = Path::new(&args.id);
    if file.is_file() {
        return in_file(app, &args, file);
    }
    let client = connect::client(app).await?;
    let session = ids::session(app, &client, &args.id).await?;
    let id = &session.short_id;
    if args.force && !args.dry_run && !args.yes {
        let what = format!("this closes the last turn of {id}, also if it did not end by a crash");
        if !agreed(app, &what)? {
            return Ok(exit::FAILED);
        }
    }
    let body = RepairSession { dry_run: args.dry_run, force: args.force };
    let repaired = client.repair(session.id, &body, &CommandKey::fresh()).await?;
    if app.json {
        app.out.json(&repaired)?;
        return Ok(exit::DONE);
    }
    tell(app, id, &repaired.repair)?;
    Ok(exit::DONE)
}

/// Looks at an exported log; nothing is written.
fn in_file(app: &App, args: &RepairArgs, path: &Path) -> Outcome {
    if !args.dry_run {
        let problem =
            Problem::new(Code::InvalidRequest, format!("{} is a file, which is only looked at", path.display()));
        return Err(problem.hint(format!("convene repair {} --dry-run", path.display())).into());
    }
    let (session, findings) = examine(path, args.force)?;
    let report = RepairReport {
        session_id: session,
        dry_run: true,
        issues: findings.issues,
        more_issues: findings.more,
        actions: findings.actions,
        persisted: false,
    };
    if app.json {
        app.out.json(&json!({ "repair": report }))?;
    } else {
        tell(app, &path.display().to_string(), &report)?;
    }
    Ok(exit::DONE)
}

fn examine(path: &Path, force: bool) -> Result<(SessionId, Findings), Problem> {
    let unreadable =
        |error: std::io::Error| Problem::new(Code::InvalidRequest, format!("cannot read {}: {error}", path.display()));
    let mut lines = Lines::open(path)?;
    let mut analysis = Analysis::default();
    let (mut session, mut promised, mut last) = (None, None, 0);
    while let Some((_, text, line)) = lines.next().map_err(unreadable)? {
        let seq = match line {
            Line::Meta(meta) => {
                session = Some(meta.session);
                promised = Some(meta.events);
                continue;
            }
            Line::Event(event) => {
                session.get_or_insert(event.session);
                event.seq
            }
            Line::Broken(_) => last + 1,
        };
        last = seq;
        analysis.take(convene_core::repair::Line { seq, pos: None, kind: None, text: Some(&text) });
    }
    let Some(session) = session else {
        let detail = format!("{} holds no event of a session", path.display());
        return Err(Problem::new(Code::InvalidRequest, detail).hint("it takes what `convene export ID` writes"));
    };
    // Nobody appends to a file, and whether it ended by a crash is not asked.
    Ok((session, analysis.finish(Standing { at_rest: true, crashed: true, seq: promised }, force)))
}

fn tell(app: &App, id: &str, report: &RepairReport) -> Result<(), crate::failure::Failure> {
    for issue in &report.issues {
        let word = match issue.severity {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        let place = issue.seq.map(|seq| format!("event {seq}: ")).unwrap_or_default();
        app.out.line(&format!("{word} {}: {place}{}", name(issue.code), clean_line(&issue.detail)))?;
    }
    if report.more_issues > 0 {
        app.out.line(&format!("and {} more", report.more_issues))?;
    }
    let gaps = report.issues.iter().any(|issue| issue.code == IssueCode::EventSequenceGap);
    let blocked = report.issues.iter().any(|issue| issue.code.severity() == Severity::Error);
    let said = match (planned(&report.actions), report.dry_run) {
        (Some(what), true) => format!("would close {what}"),
        (Some(what), false) => format!("closed {what} of {id}"),
        (None, true) if blocked => "nothing would be done".to_owned(),
        (None, true) if gaps => "would mark what is missing as known".to_owned(),
        (None, true) => format!("the log of {id} is whole"),
        (None, false) => format!("what is missing in {id} is marked as known"),
    };
    app.out.note(&said);
    Ok(())
}

/// As in `turn 4 and 1 tool call`.
fn planned(actions: &[Action]) -> Option<String> {
    let tools = actions.iter().filter(|action| action.code == ActionCode::AppendInterruptedToolResult).count();
    let turn = actions.iter().find(|action| action.code == ActionCode::AppendTerminalError);
    let turn = turn.map(|action| format!("turn {}", action.number));
    let tools = (tools > 0).then(|| words::count(tools, "tool call"));
    let parts: Vec<String> = turn.into_iter().chain(tools).collect();
    (!parts.is_empty()).then(|| parts.join(" and "))
}

fn name(code: IssueCode) -> String {
    let word = serde_json::to_value(code).unwrap_or_default();
    word.as_str().unwrap_or_default().to_owned()
}
