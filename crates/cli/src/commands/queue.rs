//! `convene queue`: the prompts that wait in a session.

use clap::{Args, Subcommand};
use convene_api::{
    body::{EditQueueEntry, PromptInput},
    client::{Client, CommandKey},
    exit,
    problem::{Code, Problem},
};
use convene_core::{ids::TurnId, view::SessionView};

use super::show::prompt_line;
use crate::{
    app::{App, now},
    args::{Output, TEMPLATE},
    connect,
    failure::{Failure, Outcome},
    ids,
    render::{tool, words},
    table::{self, Column},
    turn,
};

const EXAMPLES: &str = "\
Examples:
  convene queue k3f9qz
  convene queue k3f9qz drop 2
  convene queue k3f9qz promote 3
  convene queue k3f9qz edit 1 \"use the new name\"";

/// List, edit, promote and drop prompts that wait
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES)]
pub struct QueueArgs {
    /// Session: id, prefix, short id, title or @
    pub id: String,
    /// What to do with them [default: ls]
    #[command(subcommand)]
    pub action: Option<QueueAction>,
    #[command(flatten)]
    pub output: Output,
}

/// What to do with a queue.
#[derive(Debug, Subcommand)]
pub enum QueueAction {
    /// List what waits
    Ls,
    /// Take a prompt back
    Drop {
        /// Its position, from 1, or its id
        entry: String,
    },
    /// Change a prompt's text
    Edit {
        /// Its position, from 1, or its id
        entry: String,
        /// The new text; - reads standard input
        text: std::ffi::OsString,
    },
    /// Put a prompt first
    Promote {
        /// Its position, from 1, or its id
        entry: String,
    },
}

/// A change of a queue.
#[derive(Debug, Clone)]
pub enum Change {
    /// Take a prompt back.
    Drop,
    /// Give it another text.
    Edit(String),
    /// Put it first.
    Promote,
}

/// Runs it.
pub async fn run(app: &App, args: QueueArgs) -> Outcome {
    let client = connect::client(app).await?;
    let session = ids::session(app, &client, &args.id).await?;
    let (entry, change) = match args.action {
        None | Some(QueueAction::Ls) => return list(app, &client, &session).await,
        Some(QueueAction::Drop { entry }) => (entry, Change::Drop),
        Some(QueueAction::Edit { entry, text }) => {
            let text = turn::read_prompt(Some(&text), None, ["", ""])?;
            (entry, Change::Edit(text))
        }
        Some(QueueAction::Promote { entry }) => (entry, Change::Promote),
    };
    let said = apply(&client, &session, &entry, change, &CommandKey::fresh()).await?;
    if app.json {
        app.out.json(&client.queue(session.id).await?)?;
    } else {
        app.out.note(&said);
    }
    Ok(exit::DONE)
}

/// Changes the queue; answers what is now true.
///
/// # Errors
/// If no such prompt waits, or the server refuses.
pub async fn apply(
    client: &Client,
    session: &SessionView,
    entry: &str,
    change: Change,
    key: &CommandKey,
) -> Result<String, Failure> {
    let (id, position) = find(client, session, entry).await?;
    Ok(match change {
        Change::Drop => {
            client.drop_queued(session.id, id, key).await?;
            format!("dropped entry {position}")
        }
        Change::Edit(text) => {
            let body = EditQueueEntry { content: Some(PromptInput::Text(text)), position: None };
            client.edit_queued(session.id, id, &body, key).await?;
            format!("changed entry {position}")
        }
        Change::Promote => {
            let body = EditQueueEntry { content: None, position: Some(1) };
            client.edit_queued(session.id, id, &body, key).await?;
            if position == 1 { "entry 1 is first already".to_owned() } else { format!("entry {position} goes first") }
        }
    })
}

/// Lists what waits.
///
/// # Errors
/// If the server cannot be asked.
pub async fn list(app: &App, client: &Client, session: &SessionView) -> Outcome {
    let queue = client.queue(session.id).await?;
    if app.json {
        app.out.json(&queue)?;
        return Ok(exit::DONE);
    }
    let terminal = app.out.settings().terminal;
    let rows: Vec<Vec<String>> = queue
        .items
        .iter()
        .map(|entry| {
            let text = prompt_line(&entry.content);
            if terminal {
                let age = words::age(tool::between(entry.queued_at, now()));
                vec![entry.position.to_string(), words::cut(&text, 60, app.style().ellipsis()), age]
            } else {
                vec![entry.position.to_string(), entry.id.to_string(), text, words::time(entry.queued_at)]
            }
        })
        .collect();
    const COLUMNS: &[Column] = &[Column::new("N"), Column::new("PROMPT").cut(20), Column::new("AGE")];
    table::print(app, COLUMNS, &rows)?;
    if terminal && rows.is_empty() {
        app.out.note(&format!("nothing waits in {}", session.short_id));
    }
    Ok(exit::DONE)
}

/// What waits, a row each.
///
/// # Errors
/// If the server cannot be asked.
pub async fn rows(client: &Client, session: &SessionView) -> Result<Vec<String>, Failure> {
    let queue = client.queue(session.id).await?;
    if queue.items.is_empty() {
        return Ok(vec![format!("nothing waits in {}", session.short_id)]);
    }
    Ok(queue
        .items
        .iter()
        .map(|entry| {
            let age = words::age(tool::between(entry.queued_at, now()));
            format!("{}  {}  ({age})", entry.position, words::cut(&prompt_line(&entry.content), 60, "..."))
        })
        .collect())
}

async fn find(client: &Client, session: &SessionView, typed: &str) -> Result<(TurnId, usize), Failure> {
    let queue = client.queue(session.id).await?;
    let position: Option<usize> = typed.parse().ok();
    let fits =
        |id: TurnId| id.to_string() == typed || id.short() == typed.strip_prefix(TurnId::PREFIX).unwrap_or(typed);
    let found = queue.items.iter().find(|entry| position == Some(entry.position) || fits(entry.id));
    found.map(|entry| (entry.id, entry.position)).ok_or_else(|| {
        let fields = [("n", typed.into()), ("id", session.short_id.clone().into())];
        Problem::filled(Code::QueueEntryNotFound, fields).into()
    })
}
