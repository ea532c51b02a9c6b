//! `convene ls`: the sessions.

use clap::Args;
use convene_api::{
    client::{Client, SessionsQuery},
    exit,
};
use convene_core::view::{Badge, SessionView};

use crate::{
    app::{App, now},
    args::{Output, TEMPLATE},
    connect,
    failure::{Failure, Outcome},
    render::{clean::clean_line, tool, words},
    table,
};

const EXAMPLES: &str = "\
Examples:
  convene ls
  convene ls --needs-me           which sessions wait for a person
  convene ls --all --json";
/// Columns of a title and of a directory on a terminal.
const TITLE: usize = 40;
const CWD: usize = 32;
/// Archived sessions that are counted.
const COUNTED: u32 = 200;

/// List sessions
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES)]
pub struct LsArgs {
    /// Those that are put away too
    #[arg(long)]
    pub all: bool,
    /// Only those that are put away
    #[arg(long)]
    pub archived: bool,
    /// In this state only
    #[arg(long, value_name = "STATE")]
    pub state: Option<String>,
    /// Of this agent only
    #[arg(short, long, value_name = "NAME")]
    pub agent: Option<String>,
    /// Those that wait for a person
    #[arg(long)]
    pub needs_me: bool,
    /// At most so many
    #[arg(short = 'n', long, value_name = "N", value_parser = at_least_one)]
    pub limit: Option<usize>,
    /// Ids only
    #[arg(short, long)]
    pub quiet: bool,
    #[command(flatten)]
    pub output: Output,
}

fn at_least_one(text: &str) -> Result<usize, &'static str> {
    match text.parse() {
        Ok(n) if n > 0 => Ok(n),
        Ok(_) | Err(_) => Err("give a whole number, 1 or more"),
    }
}

/// Runs it.
pub async fn run(app: &App, args: LsArgs) -> Outcome {
    let client = connect::client(app).await?;
    let mut query = SessionsQuery {
        state: args.state.clone(),
        agent: args.agent.clone(),
        archived: if args.archived {
            Some(true)
        } else if args.all {
            None
        } else {
            Some(false)
        },
        ..SessionsQuery::default()
    };
    let mut sessions: Vec<SessionView> = Vec::new();
    let limit = args.limit.unwrap_or(usize::MAX);
    let mut next_cursor;
    loop {
        let page = client.sessions(&query).await?;
        sessions.extend(page.items.into_iter().filter(|session| shown(&args, session)));
        next_cursor = page.next_cursor;
        if next_cursor.is_none() || sessions.len() >= limit {
            break;
        }
        query.cursor.clone_from(&next_cursor);
    }
    if sessions.len() > limit {
        sessions.truncate(limit);
    }
    if app.json {
        app.out.json(&serde_json::json!({ "items": sessions, "next_cursor": next_cursor }))?;
        return Ok(exit::DONE);
    }
    if args.quiet {
        sessions.iter().try_for_each(|session| app.out.line(&session.id.to_string()))?;
        return Ok(exit::DONE);
    }
    print(app, &sessions)?;
    if app.out.settings().terminal {
        let away = if args.all || args.archived { None } else { archived(&client).await? };
        app.out.note(&match (sessions.len(), away) {
            (0, None) => "no sessions; begin with: convene run \"explain this repository\"".to_owned(),
            (n, None) => words::count(n, "session"),
            (n, Some(away)) => format!("{}; {away} archived are not shown (--archived)", words::count(n, "session")),
        });
    }
    Ok(exit::DONE)
}

/// How many sessions are put away, as far as one page tells; none if there are none.
async fn archived(client: &Client) -> Result<Option<String>, Failure> {
    let query = SessionsQuery { archived: Some(true), limit: Some(COUNTED), ..SessionsQuery::default() };
    let page = client.sessions(&query).await?;
    let more = if page.next_cursor.is_some() { " or more" } else { "" };
    Ok((!page.items.is_empty()).then(|| format!("{}{more}", page.items.len())))
}

fn shown(args: &LsArgs, session: &SessionView) -> bool {
    !args.needs_me || matches!(session.badge, Badge::NeedsYou | Badge::WaitingForAuth)
}

fn print(app: &App, sessions: &[SessionView]) -> Result<(), Failure> {
    let terminal = app.out.settings().terminal;
    let style = app.style();
    let home = app.home();
    let rows: Vec<Vec<String>> = sessions
        .iter()
        .map(|session| {
            let title = clean_line(&session.title);
            let cwd = words::at_home(&session.cwd, home.as_deref());
            if terminal {
                vec![
                    session.short_id.clone(),
                    session.badge.to_string().replace('-', " "),
                    session.agent.clone(),
                    words::cut(&title, TITLE, style.ellipsis()),
                    words::cut_middle(&cwd, CWD, style.ellipsis()),
                    words::age(tool::between(session.created_at, now())),
                ]
            } else {
                let state = session.badge.to_string();
                vec![
                    session.id.to_string(),
                    state,
                    session.agent.clone(),
                    title,
                    session.cwd.clone(),
                    session.created_at.to_string(),
                ]
            }
        })
        .collect();
    table::print(app, &["ID", "STATE", "AGENT", "TITLE", "CWD", "AGE"], &rows)
}
