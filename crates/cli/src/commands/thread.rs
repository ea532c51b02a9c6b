//! `convene thread`: pieces of work that own sessions.

use std::ffi::OsString;

use clap::{Args, Subcommand};
use convene_api::{
    body::{CreateThread, PatchThread, PromptInput, PromptMode, SendPrompt},
    client::{Client, CommandKey},
    exit,
};
use convene_core::view::ThreadView;

use super::{rm::confirmed, spec::SpecArgs};
use crate::{
    app::{App, now},
    args::{Output, TEMPLATE},
    connect,
    failure::{Failure, Outcome},
    ids,
    render::{clean::clean_line, tool, words},
    table::{self, Column},
    turn,
};

const EXAMPLES: &str = "\
Examples:
  convene thread new --topic checkout \"make the cart test pass\"
  convene thread ls
  convene thread prompt 9c41aa \"now add a test\"";

/// Keep threads: pieces of work that own sessions
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES)]
pub struct ThreadArgs {
    /// What to do
    #[command(subcommand)]
    pub action: ThreadAction,
    #[command(flatten)]
    pub output: Output,
}

/// What to do with threads.
#[derive(Debug, Subcommand)]
pub enum ThreadAction {
    /// Begin one, with its first session if there is a prompt
    New(Box<NewThread>),
    /// List them
    Ls {
        /// Those that are put away too
        #[arg(long)]
        archived: bool,
    },
    /// Show one
    Show {
        /// Thread: id, the end of it, or title
        id: String,
    },
    /// Say something to its latest session
    Prompt {
        /// Thread: id, the end of it, or title
        id: String,
        /// What to do; - reads standard input
        text: OsString,
        /// Cancel the running turn and go first
        #[arg(long)]
        interrupt: bool,
    },
    /// Put one away
    Archive {
        /// Thread: id, the end of it, or title
        id: String,
    },
    /// Remove one with its sessions
    Rm {
        /// Thread: id, the end of it, or title
        id: String,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

/// What a new thread is to be.
#[derive(Debug, Args)]
pub struct NewThread {
    /// What to do first; - reads standard input
    pub prompt: Option<OsString>,
    /// What it is about
    #[arg(long, value_name = "TEXT")]
    pub topic: Option<String>,
    #[command(flatten)]
    pub spec: SpecArgs,
}

/// Runs it.
pub async fn run(app: &App, args: ThreadArgs) -> Outcome {
    let client = connect::client(app).await?;
    match args.action {
        ThreadAction::New(new) => create(app, &client, *new).await,
        ThreadAction::Ls { archived } => list(app, &client, archived).await,
        ThreadAction::Show { id } => {
            let thread = ids::thread(&client, &id).await?;
            show(app, &thread)
        }
        ThreadAction::Prompt { id, text, interrupt } => {
            let text = turn::read_prompt(Some(&text), None, ["", ""])?;
            let thread = ids::thread(&client, &id).await?;
            let mode = if interrupt { PromptMode::Interrupt } else { PromptMode::Queue };
            let body = SendPrompt { content: PromptInput::Text(text), mode };
            let accepted = client.prompt_thread(thread.id, &body, &CommandKey::fresh()).await?;
            said(app, &accepted, &format!("went to session {}", accepted.session.short_id))
        }
        ThreadAction::Archive { id } => {
            let thread = ids::thread(&client, &id).await?;
            let body = PatchThread { archived: Some(true), ..PatchThread::default() };
            let thread = client.patch_thread(thread.id, &body, &CommandKey::fresh()).await?;
            said(app, &thread, &format!("thread {} archived", thread.id.short()))
        }
        ThreadAction::Rm { id, yes } => {
            let thread = ids::thread(&client, &id).await?;
            let sessions = words::count(thread.sessions.len(), "session");
            let what = format!("thread {} \"{}\" with {sessions}", thread.id.short(), clean_line(&thread.title));
            if !yes && !confirmed(app, &what)? {
                return Ok(exit::FAILED);
            }
            client.delete_thread(thread.id, &CommandKey::fresh()).await?;
            said(
                app,
                &serde_json::json!({ "id": thread.id, "deleted": true }),
                &format!("removed {}", thread.id.short()),
            )
        }
    }
}

async fn create(app: &App, client: &Client, new: NewThread) -> Outcome {
    let mut body = CreateThread { topic: new.topic.clone(), ..CreateThread::default() };
    match &new.prompt {
        Some(prompt) => {
            let prompt = turn::read_prompt(Some(prompt), None, ["", ""])?;
            let session = new.spec.body(app, client, Some(prompt)).await?;
            body.labels.clone_from(&session.labels);
            body.title.clone_from(&session.title);
            body.session = Some(Box::new(session));
        }
        None => {
            body.title = new.spec.title;
            body.labels = new.spec.label.into_iter().collect();
        }
    }
    let created = client.create_thread(&body, &CommandKey::fresh()).await?;
    if app.json {
        app.out.json(&created)?;
        return Ok(exit::DONE);
    }
    app.out.line(&created.thread.id.to_string())?;
    let session = created.session.map(|s| format!(" with session {}", s.short_id)).unwrap_or_default();
    app.out.note(&format!("thread {} created{session}", created.thread.id.short()));
    Ok(exit::DONE)
}

async fn list(app: &App, client: &Client, archived: bool) -> Outcome {
    let mut threads: Vec<ThreadView> = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let page = client.threads(cursor.as_deref()).await?;
        threads.extend(page.items.into_iter().filter(|thread| archived || !thread.archived));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    if app.json {
        app.out.json(&serde_json::json!({ "items": threads, "next_cursor": cursor }))?;
        return Ok(exit::DONE);
    }
    let terminal = app.out.settings().terminal;
    let rows: Vec<Vec<String>> = threads
        .iter()
        .map(|thread| {
            let badge = thread.badge.map(|b| b.to_string()).unwrap_or_default();
            let title = clean_line(&thread.title);
            let sessions = thread.sessions.len().to_string();
            if terminal {
                let age = words::age(tool::between(thread.created_at, now()));
                let title = words::cut(&title, 48, app.style().ellipsis());
                vec![thread.id.short(), badge.replace('-', " "), title, sessions, age]
            } else {
                vec![thread.id.to_string(), badge, title, sessions, words::time(thread.created_at)]
            }
        })
        .collect();
    const COLUMNS: &[Column] = &[
        Column::new("ID"),
        Column::new("STATE").paint(super::ls::paint),
        Column::new("TITLE").cut(12),
        Column::new("SESSIONS").goes(1),
        Column::new("AGE"),
    ];
    table::print(app, COLUMNS, &rows)?;
    Ok(exit::DONE)
}

fn show(app: &App, thread: &ThreadView) -> Outcome {
    if app.json {
        app.out.json(thread)?;
        return Ok(exit::DONE);
    }
    let badge = thread.badge.map(|b| b.to_string().replace('-', " ")).unwrap_or_else(|| "empty".to_owned());
    let dot = app.style().dot();
    let mut lines = vec![format!("thread {} \"{}\"{dot}{badge}", thread.id.short(), clean_line(&thread.title))];
    if !thread.topic.is_empty() {
        lines.push(format!("about    {}", clean_line(&thread.topic)));
    }
    let sessions: Vec<String> = thread.sessions.iter().map(|id| id.short()).collect();
    if !sessions.is_empty() {
        lines.push(format!("sessions {}", sessions.join(" ")));
    }
    lines.push(format!("next     convene thread prompt {} \"...\"", thread.id.short()));
    app.out.text(&(lines.join("\n") + "\n"))?;
    Ok(exit::DONE)
}

fn said(app: &App, object: &impl serde::Serialize, line: &str) -> Result<u8, Failure> {
    if app.json {
        app.out.json(object)?;
    } else {
        app.out.note(line);
    }
    Ok(exit::DONE)
}
