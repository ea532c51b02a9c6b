//! Is what a turn has in its hands: its client, its directory, its prompt and the wish to be cancelled.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::acp::Client;
use crate::command::{self, CommandLine, Outcome, RunError};
use crate::speech::{
    Answer, FormAnswer, Question, Stop, ToolCall, ToolContent, ToolKind, ToolPatch, ToolStatus, Update,
};

/// One prompt being worked on.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) client: Client,
    pub(crate) cwd: PathBuf,
    pub(crate) prompt: String,
    pub(crate) cancel: CancellationToken,
}

/// How a command ran as a tool call ended.
#[derive(Debug)]
pub(crate) enum ToolEnd {
    Ran(Outcome),
    NotInstalled,
    NotRun(String),
}

/// A command to run as a tool call.
#[derive(Debug)]
pub(crate) struct ToolRun<'a> {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) command: &'a CommandLine,
    /// The command has failed when it prints anything.
    pub(crate) fails_when_it_prints: bool,
}

/// Makes an id that no other session or run of the agent will make.
pub(crate) fn new_id(prefix: &str) -> String {
    format!("{prefix}_{}", uuid::Uuid::now_v7().simple())
}

impl Turn {
    pub(crate) fn send(&self, update: Update) -> Result<(), Stop> {
        if self.cancel.is_cancelled() {
            return Err(Stop::Cancelled);
        }
        self.client.send(update)
    }

    /// Streams a whole message, line by line.
    pub(crate) fn say(&self, markdown: &str) -> Result<(), Stop> {
        let message_id = new_id("msg");
        for line in markdown.split_inclusive('\n') {
            self.send(Update::Message { message_id: message_id.clone(), text: line.to_owned() })?;
        }
        Ok(())
    }

    pub(crate) fn think(&self, text: &str) -> Result<(), Stop> {
        self.send(Update::Thought { message_id: new_id("msg"), text: text.to_owned() })
    }

    pub(crate) async fn pause(&self, time: Duration) -> Result<(), Stop> {
        tokio::select! {
            () = self.cancel.cancelled() => Err(Stop::Cancelled),
            () = tokio::time::sleep(time) => Ok(()),
        }
    }

    /// Asks for a permission; a cancelled question ends the turn.
    pub(crate) async fn ask(&self, question: Question) -> Result<Result<String, String>, Stop> {
        let answer = tokio::select! {
            () = self.cancel.cancelled() => Answer::Cancelled,
            answer = self.client.ask(question) => answer,
        };
        match answer {
            Answer::Selected(option) => Ok(Ok(option)),
            Answer::Cancelled => Err(Stop::Cancelled),
            Answer::Failed(why) => Ok(Err(why)),
        }
    }

    /// Asks for a form to be filled in.
    pub(crate) async fn elicit(&self, message: &str, schema: &serde_json::Value) -> Result<FormAnswer, Stop> {
        tokio::select! {
            () = self.cancel.cancelled() => Err(Stop::Cancelled),
            answer = self.client.elicit(message, schema) => Ok(answer),
        }
    }

    /// Writes a text file through the client when it offers that, else by itself.
    pub(crate) async fn write_file(&self, path: &Path, text: &str) -> Result<Result<(), String>, Stop> {
        if self.client.writes_files() {
            return tokio::select! {
                () = self.cancel.cancelled() => Err(Stop::Cancelled),
                written = self.client.write_file(path, text) => Ok(written),
            };
        }
        if let Some(parent) = path.parent()
            && let Err(error) = std::fs::create_dir_all(parent)
        {
            return Ok(Err(error.to_string()));
        }
        Ok(std::fs::write(path, text).map_err(|error| error.to_string()))
    }

    /// Runs a command and shows it as a tool call from its start to its end.
    pub(crate) async fn run_tool(&self, run: ToolRun<'_>) -> Result<ToolEnd, Stop> {
        let command = run.command;
        self.send(Update::ToolCall(ToolCall {
            id: run.id.clone(),
            title: run.title,
            kind: ToolKind::Execute,
            status: ToolStatus::InProgress,
            content: Vec::new(),
            locations: Vec::new(),
            raw_input: Some(json!({
                "command": command.to_string(),
                "cwd": command.dir,
            })),
        }))?;
        let show = |latest: String| {
            // A client that has left is noticed by the next thing said.
            let _ = self.send(Update::ToolPatch(ToolPatch {
                id: run.id.clone(),
                content: Some(vec![ToolContent::Text(latest)]),
                ..ToolPatch::default()
            }));
        };
        let (status, text, raw_output, end) = match command::run(command, &self.cancel, show).await {
            Ok(outcome) => {
                let failed = !outcome.success() || (run.fails_when_it_prints && !outcome.output.trim().is_empty());
                let status = if failed { ToolStatus::Failed } else { ToolStatus::Completed };
                let raw_output = json!({
                    "exit_code": outcome.exit_code,
                    "signal": outcome.signal,
                    "duration_ms": u64::try_from(outcome.elapsed.as_millis()).unwrap_or(u64::MAX),
                    "truncated": outcome.truncated,
                });
                (status, outcome.output.clone(), Some(raw_output), Ok(ToolEnd::Ran(outcome)))
            }
            Err(RunError::NotInstalled { program }) => {
                (ToolStatus::Failed, format!("{program} is not installed"), None, Ok(ToolEnd::NotInstalled))
            }
            Err(RunError::Io { program, source }) => {
                let why = format!("cannot run {program}: {source}");
                (ToolStatus::Failed, why.clone(), None, Ok(ToolEnd::NotRun(why)))
            }
            Err(RunError::Cancelled) => (ToolStatus::Failed, "cancelled".to_owned(), None, Err(Stop::Cancelled)),
        };
        // Said past the check for cancellation: a cancelled turn still closes its tool calls.
        self.client.send(Update::ToolPatch(ToolPatch {
            id: run.id.clone(),
            status: Some(status),
            content: Some(vec![ToolContent::Text(text)]),
            raw_output,
            ..ToolPatch::default()
        }))?;
        end
    }
}
