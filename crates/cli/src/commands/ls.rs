//! `convene ls`: the sessions.

mod states;
mod watch;

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
    render::{clean::clean_line, style::Paint, tool, words},
    table::{self, Column},
};
use states::States;

const EXAMPLES: &str = "\
Examples:
  convene ls
  convene ls --needs-me           which sessions wait for a person
  convene ls --state failed,stopped
  convene ls --watch              a row for each session, and one for each change
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
    /// Only in these states, as they are shown: running, needs-you, idle, failed; separated by commas
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
    /// Then a row for each change, until Ctrl-C
    #[arg(short, long, conflicts_with_all = ["limit", "quiet"])]
    pub watch: bool,
    #[command(flatten)]
    pub output: Output,
}

fn at_least_one(text: &str) -> Result<usize, &'static str> {
    match text.parse() {
        Ok(n) if n > 0 => Ok(n),
        Ok(_) | Err(_) => Err("give a whole number, 1 or more"),
    }
}

/// Which sessions are wanted.
struct Wanted<'a> {
    args: &'a LsArgs,
    states: States,
}

impl Wanted<'_> {
    fn query(&self) -> SessionsQuery {
        let archived = match (self.args.archived, self.args.all) {
            (true, _) => Some(true),
            (false, true) => None,
            (false, false) => Some(false),
        };
        let (state, agent) = (self.states.query(), self.args.agent.clone());
        SessionsQuery { state, agent, archived, ..SessionsQuery::default() }
    }

    /// What the query does not ask for.
    fn fits(&self, session: &SessionView) -> bool {
        let waits = matches!(session.badge, Badge::NeedsYou | Badge::WaitingForAuth);
        (!self.args.needs_me || waits) && self.states.fit(session)
    }

    /// All of it, for sessions that come without having been asked for.
    fn wants(&self, session: &SessionView) -> bool {
        let query = self.query();
        self.fits(session)
            && query.archived.is_none_or(|archived| archived == session.archived)
            && query.agent.is_none_or(|agent| agent == session.agent)
    }
}

/// Runs it.
pub async fn run(app: &App, args: LsArgs) -> Outcome {
    let wanted = Wanted { states: States::parse(args.state.as_deref())?, args: &args };
    let client = connect::client(app).await?;
    if args.watch {
        return watch::watch(app, &client, &wanted).await;
    }
    let limit = args.limit.unwrap_or(usize::MAX);
    let (sessions, next_cursor) = found(&client, &wanted, limit).await?;
    if app.json {
        app.out.json(&serde_json::json!({ "items": sessions, "next_cursor": next_cursor }))?;
        return Ok(exit::DONE);
    }
    if args.quiet {
        sessions.iter().try_for_each(|session| app.out.line(&session.id.to_string()))?;
        return Ok(exit::DONE);
    }
    let rows: Vec<Vec<String>> = sessions.iter().map(|session| row(app, session)).collect();
    table::print(app, COLUMNS, &rows)?;
    if app.out.settings().terminal {
        let away = if args.all || args.archived { None } else { archived(&client).await? };
        for session in &sessions {
            if let Some(line) = waits(app, session) {
                app.out.note(&line);
            }
        }
        let is_filtered = args.state.is_some() || args.agent.is_some() || args.needs_me;
        app.out.note(&match (sessions.len(), away) {
            (0, None) if is_filtered => "no session is like that; all of them: convene ls --all".to_owned(),
            (0, None) => "no sessions; begin with: convene run \"explain this repository\"".to_owned(),
            (n, None) => words::count(n, "session"),
            (n, Some(away)) => format!("{}; {away} archived are not shown (--archived)", words::count(n, "session")),
        });
    }
    Ok(exit::DONE)
}

async fn found(
    client: &Client,
    wanted: &Wanted<'_>,
    limit: usize,
) -> Result<(Vec<SessionView>, Option<String>), Failure> {
    let mut query = wanted.query();
    let mut sessions: Vec<SessionView> = Vec::new();
    loop {
        let page = client.sessions(&query).await?;
        sessions.extend(page.items.into_iter().filter(|session| wanted.fits(session)));
        if page.next_cursor.is_none() || sessions.len() >= limit {
            sessions.truncate(limit);
            return Ok((sessions, page.next_cursor));
        }
        query.cursor = page.next_cursor;
    }
}

/// How many sessions are put away, as far as one page tells; none if there are none.
async fn archived(client: &Client) -> Result<Option<String>, Failure> {
    let query = SessionsQuery { archived: Some(true), limit: Some(COUNTED), ..SessionsQuery::default() };
    let page = client.sessions(&query).await?;
    let more = if page.next_cursor.is_some() { " or more" } else { "" };
    Ok((!page.items.is_empty()).then(|| format!("{}{more}", page.items.len())))
}

/// What a session asks first, how one answers, and for how long one can.
fn waits(app: &App, session: &SessionView) -> Option<String> {
    let id = &session.short_id;
    let request = session.pending_permissions.first()?;
    let what = tool::subject(&request.tool_call, &session.cwd, app.home().as_deref());
    let left = words::rejects_in(request.expires_at, now()).map(|left| format!(" ({left})")).unwrap_or_default();
    let what = words::cut(&clean_line(&what), TITLE, app.style().ellipsis());
    Some(format!("{id} asks: {what}; convene approve {id}{left}"))
}

const COLUMNS: &[Column] = &[
    Column::new("ID"),
    Column::new("STATE").paint(paint),
    Column::new("AGENT"),
    Column::new("TITLE").cut(12),
    Column::new("CWD").goes(1),
    Column::new("AGE"),
];

/// The color of a state as it is shown.
pub(super) fn paint(state: &str) -> Option<Paint> {
    match state {
        "needs you" | "waiting for auth" => Some(Paint::Ask),
        "failed" => Some(Paint::Bad),
        "running" => Some(Paint::Good),
        "stopped" | "removed" => Some(Paint::Dim),
        _ => None,
    }
}

fn row(app: &App, session: &SessionView) -> Vec<String> {
    let title = clean_line(&session.title);
    if app.out.settings().terminal {
        let style = app.style();
        let cwd = words::at_home(&session.cwd, app.home().as_deref());
        return vec![
            session.short_id.clone(),
            session.badge.to_string().replace('-', " "),
            session.agent.clone(),
            words::cut(&title, TITLE, style.ellipsis()),
            words::cut_middle(&cwd, CWD, style.ellipsis()),
            words::age(tool::between(session.created_at, now())),
        ];
    }
    let (id, state, agent) = (session.id.to_string(), session.badge.to_string(), session.agent.clone());
    vec![id, state, agent, title, session.cwd.clone(), words::time(session.created_at)]
}
