//! Offers a formatter's fix: worked out on a copy, shown as a diff, applied only when allowed.

use std::error::Error as _;

use super::Checked;
use crate::fix::{Copy, Fix};
use crate::project::Fixer;
use crate::speech::{
    Choice, ChoiceKind, Diff, Location, Question, Stop, ToolCall, ToolContent, ToolKind, ToolPatch, ToolStatus, Update,
};
use crate::turn::{ToolEnd, ToolRun, Turn, new_id};

const APPLY: &str = "apply";
const LEAVE: &str = "leave";

/// What became of an offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mended {
    /// Applied to so many files, and whether the check passes now.
    Applied { files: usize, more: usize, passes: bool },
    /// It was not allowed: by a person, a rule, or because nobody answered.
    Left { files: usize },
    /// There is nothing to apply, or it did not work.
    NotPossible(String),
}

impl Mended {
    pub(super) fn passes_now(&self) -> bool {
        matches!(self, Self::Applied { passes: true, .. })
    }
}

pub(super) async fn offer(turn: &Turn, failed: &Checked) -> Result<Mended, Stop> {
    let Some(fixer) = &failed.step.fixer else {
        return Ok(Mended::NotPossible("there is no formatter that writes".to_owned()));
    };
    let fix = match work_out(turn, fixer).await? {
        Ok(fix) => fix,
        Err(why) => return Ok(Mended::NotPossible(why)),
    };
    if fix.files.is_empty() {
        let why = format!("`{}` changes nothing on a copy", fixer.command);
        return Ok(Mended::NotPossible(why));
    }
    let call = announce(turn, &fix, fixer)?;
    let answer = match turn.ask(question(&call)).await {
        Ok(answer) => answer,
        Err(stop) => {
            close(turn, &call.id, ToolStatus::Failed, None)?;
            return Err(stop);
        }
    };
    match answer {
        Ok(option) if option == APPLY => apply(turn, &call.id, &fix, failed).await,
        Ok(_) => {
            close(turn, &call.id, ToolStatus::Failed, None)?;
            Ok(Mended::Left { files: fix.files.len() })
        }
        Err(why) => {
            close(turn, &call.id, ToolStatus::Failed, None)?;
            Ok(Mended::NotPossible(format!("the permission could not be asked for: {why}")))
        }
    }
}

/// Runs the formatter on a copy and compares.
async fn work_out(turn: &Turn, fixer: &Fixer) -> Result<Result<Fix, String>, Stop> {
    let for_copy = fixer.clone();
    let made = tokio::task::spawn_blocking(move || Copy::make(&for_copy));
    let made = tokio::select! {
        () = turn.cancel.cancelled() => return Err(Stop::Cancelled),
        made = made => made,
    };
    let copy = match made {
        Ok(Ok(copy)) => copy,
        Ok(Err(error)) => {
            let why = error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"));
            return Ok(Err(why));
        }
        Err(error) => return Ok(Err(error.to_string())),
    };
    turn.think("I try the formatter on a copy, so that nothing changes before it is allowed.")?;
    let command = copy.command(fixer);
    let end = turn
        .run_tool(ToolRun {
            id: new_id("call"),
            title: format!("{} (on a copy)", fixer.command),
            command: &command,
            fails_when_it_prints: false,
        })
        .await?;
    Ok(match end {
        ToolEnd::Ran(outcome) if outcome.success() => Ok(copy.changes()),
        ToolEnd::Ran(outcome) => {
            let last = outcome.output.lines().rfind(|line| !line.trim().is_empty());
            Err(match last {
                Some(line) => format!("`{}` fails: {}", fixer.command, line.trim()),
                None => format!("`{}` fails", fixer.command),
            })
        }
        ToolEnd::NotInstalled => Err(format!("`{}` is not installed", fixer.command.program)),
        ToolEnd::NotRun(why) => Err(why),
    })
}

fn announce(turn: &Turn, fix: &Fix, fixer: &Fixer) -> Result<ToolCall, Stop> {
    let (added, removed) = fix.line_counts();
    let files = match fix.files.len() {
        1 => "1 file".to_owned(),
        n => format!("{n} files"),
    };
    let program = fixer.command.program.rsplit('/').next().unwrap_or_default();
    // `cargo fmt`, `ruff format`: the flags and the directory say nothing to the reader.
    let name: Vec<&str> = std::iter::once(program)
        .chain(fixer.command.args.iter().map(String::as_str))
        .filter(|word| !word.starts_with('-') && *word != ".")
        .collect();
    let name = name.join(" ");
    let call = ToolCall {
        id: new_id("call"),
        title: format!("Apply the fix of `{name}` to {files} (+{added} -{removed})"),
        kind: ToolKind::Edit,
        status: ToolStatus::Pending,
        content: fix
            .files
            .iter()
            .map(|file| {
                ToolContent::Diff(Diff {
                    path: file.path.clone(),
                    old_text: Some(file.old.clone()),
                    new_text: file.new.clone(),
                })
            })
            .collect(),
        locations: fix.files.iter().map(|file| Location { path: file.path.clone(), line: None }).collect(),
        raw_input: None,
    };
    turn.send(Update::ToolCall(call.clone()))?;
    Ok(call)
}

/// The question carries the diff too: a client may show it without having kept the tool call.
fn question(call: &ToolCall) -> Question {
    let choice = |id: &str, name: &str, kind| Choice { id: id.to_owned(), name: name.to_owned(), kind };
    Question {
        tool_call_id: call.id.clone(),
        title: call.title.clone(),
        kind: call.kind,
        content: call.content.clone(),
        options: vec![
            choice(APPLY, "Apply the fix", ChoiceKind::AllowOnce),
            choice(LEAVE, "Leave it", ChoiceKind::RejectOnce),
        ],
    }
}

async fn apply(turn: &Turn, call_id: &str, fix: &Fix, failed: &Checked) -> Result<Mended, Stop> {
    turn.send(Update::ToolPatch(ToolPatch {
        id: call_id.to_owned(),
        status: Some(ToolStatus::InProgress),
        ..ToolPatch::default()
    }))?;
    let mut problems = Vec::new();
    for file in &fix.files {
        // What has been edited since the diff was shown is not overwritten.
        if std::fs::read_to_string(&file.path).ok().as_deref() != Some(file.old.as_str()) {
            problems.push(format!("{} has changed meanwhile", file.path.display()));
            continue;
        }
        match turn.write_file(&file.path, &file.new).await {
            Ok(Ok(())) => {}
            Ok(Err(why)) => problems.push(format!("{}: {why}", file.path.display())),
            Err(stop) => {
                close(turn, call_id, ToolStatus::Failed, None)?;
                return Err(stop);
            }
        }
    }
    if !problems.is_empty() {
        let text = problems.join("\n");
        close(turn, call_id, ToolStatus::Failed, Some(text.clone()))?;
        return Ok(Mended::NotPossible(text));
    }
    close(turn, call_id, ToolStatus::Completed, None)?;
    let again = super::check(turn, failed.title.clone(), failed.step.clone()).await?;
    Ok(Mended::Applied { files: fix.files.len(), more: fix.more, passes: again.passed() })
}

/// Ends the tool call, also in a cancelled turn; `None` keeps the diff as its content.
fn close(turn: &Turn, call_id: &str, status: ToolStatus, text: Option<String>) -> Result<(), Stop> {
    turn.client.send(Update::ToolPatch(ToolPatch {
        id: call_id.to_owned(),
        status: Some(status),
        content: text.map(|text| vec![ToolContent::Text(text)]),
        ..ToolPatch::default()
    }))
}
