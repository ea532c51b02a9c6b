//! `convene approve`, and what it shares with `convene deny`.

use clap::Args;
use convene_api::{
    body::{DecidePermission, DecisionInput},
    client::{Client, CommandKey, EventsQuery},
    exit,
    problem::{Code, Problem},
};
use convene_core::{
    event::{EventBody, KnownEvent},
    ids::PermissionId,
    view::{PermissionView, SessionView},
};

use super::show;
use crate::{
    app::{App, now},
    args::{Output, TEMPLATE},
    connect,
    failure::{Failure, Outcome},
    ids,
    render::{clean::clean_line, question::short_request, tool, transcript::decision_word, words},
};

const EXAMPLES: &str = "\
Examples:
  convene approve k3f9qz          the only open request
  convene approve k3f9qz prm_7d01ab --always
  convene ls --needs-me           which sessions wait";
/// Columns of what is asked, where several requests are listed.
const SUBJECT: usize = 40;
const EXITS: &str = "\
Without --always: allow_once. The first answer wins.
Exit: 0 decided · 1 refused (already decided, gone) · 2 usage · 6 no server";

/// Allow what an agent asks to do
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES, after_help = EXITS)]
pub struct ApproveArgs {
    /// Session: id, prefix, short id, title or @
    pub id: String,
    /// Needed only when several wait
    pub request: Option<String>,
    /// For the rest, as the agent offers it
    #[arg(long)]
    pub always: bool,
    /// One of the agent's own options
    #[arg(long, value_name = "ID", conflicts_with = "always")]
    pub option: Option<String>,
    /// Said with it
    #[arg(long, value_name = "TEXT")]
    pub message: Option<String>,
    #[command(flatten)]
    pub output: Output,
}

/// Runs it.
pub async fn run(app: &App, args: ApproveArgs) -> Outcome {
    let decision = if args.always { DecisionInput::AllowAlways } else { DecisionInput::AllowOnce };
    decide(app, &args.id, args.request.as_deref(), decision, args.option, args.message).await
}

/// Decides a request.
///
/// # Errors
/// If none waits, several do, or somebody was faster.
pub async fn decide(
    app: &App,
    id: &str,
    request: Option<&str>,
    decision: DecisionInput,
    option: Option<String>,
    message: Option<String>,
) -> Outcome {
    let client = connect::client(app).await?;
    let session = ids::session(app, &client, id).await?;
    let request = find(&client, &session, request).await?;
    let decision = option.is_none().then_some(decision);
    let body = DecidePermission { option_id: option, decision, message };
    let decided = client.decide(session.id, request, &body, &CommandKey::fresh()).await?;
    if app.json {
        app.out.json(&decided)?;
        return Ok(exit::DONE);
    }
    let others = session.pending_permissions.iter().filter(|waiting| waiting.request != request);
    let what = tool::subject(&decided.request.tool_call, &session.cwd, app.home().as_deref());
    let word = match (&decided.option, decision) {
        (_, Some(DecisionInput::AllowOnce)) => "allowed once".to_owned(),
        (_, Some(DecisionInput::AllowAlways)) => "allowed always".to_owned(),
        (_, Some(DecisionInput::RejectOnce)) => "rejected".to_owned(),
        (_, Some(DecisionInput::RejectAlways)) => "rejected always".to_owned(),
        (Some(option), None) => format!("answered {:?}", clean_line(&option.name)),
        (None, None) => "answered".to_owned(),
    };
    app.out.note(&format!("{word}: {what}"));
    for waiting in others {
        let what = tool::subject(&waiting.tool_call, &session.cwd, app.home().as_deref());
        let left = words::rejects_in(waiting.expires_at, now()).map(|left| format!(", {left}")).unwrap_or_default();
        app.out.note(&format!("still asks: {what} (request {}{left})", short_request(waiting.request)));
    }
    Ok(exit::DONE)
}

/// The request that is meant: the only one that waits, or the one that was named.
async fn find(client: &Client, session: &SessionView, typed: Option<&str>) -> Result<PermissionId, Failure> {
    let waiting = &session.pending_permissions;
    let Some(typed) = typed else {
        return match waiting.as_slice() {
            [only] => Ok(only.request),
            [] => Err(nothing_waits(client, session).await),
            several => {
                let one = |p: &PermissionView| {
                    let left = words::rejects_in(p.expires_at, now()).map(|left| format!(", {left}"));
                    let what = tool::subject(&p.tool_call, &session.cwd, None);
                    format!(
                        "{} ({}{})",
                        short_request(p.request),
                        words::cut(&what, SUBJECT, "..."),
                        left.unwrap_or_default()
                    )
                };
                let list: Vec<String> = several.iter().map(one).collect();
                let fields = [("n", list.len().into()), ("list", list.into())];
                Err(Problem::filled(Code::PermissionAmbiguous, fields).into())
            }
        };
    };
    if let Ok(id) = typed.parse() {
        return Ok(id);
    }
    let bare = typed.strip_prefix(PermissionId::PREFIX).unwrap_or(typed);
    let fits = |id: &PermissionId| {
        let hex = id.uuid().simple().to_string();
        bare.len() >= 4 && (hex.ends_with(bare) || hex.starts_with(bare))
    };
    let mut found: Vec<PermissionId> = waiting.iter().map(|p| p.request).filter(fits).collect();
    if found.is_empty() {
        // One that is decided already: the server says by whom.
        found = requests(client, session).await?.into_iter().filter(fits).collect();
    }
    match found.as_slice() {
        [only] => Ok(*only),
        [] => {
            let fields = [("req", typed.into()), ("id", session.short_id.clone().into())];
            Err(Problem::filled(Code::PermissionNotFound, fields).into())
        }
        several => {
            let list: Vec<String> = several.iter().map(ToString::to_string).collect();
            let fields = [("n", list.len().into()), ("list", list.into())];
            Err(Problem::filled(Code::PermissionAmbiguous, fields).into())
        }
    }
}

async fn requests(client: &Client, session: &SessionView) -> Result<Vec<PermissionId>, Failure> {
    let query = EventsQuery { types: vec!["permission_requested".to_owned()], ..EventsQuery::default() };
    let events = show::events(client, session, query).await?;
    Ok(events
        .iter()
        .filter_map(|event| match &event.data.body {
            EventBody::Known(KnownEvent::PermissionRequested { request, .. }) => Some(*request),
            EventBody::Known(_) | EventBody::Unknown(_) => None,
        })
        .collect())
}

/// Nothing waits: who was faster, if somebody was.
async fn nothing_waits(client: &Client, session: &SessionView) -> Failure {
    let id = &session.short_id;
    let hint = format!("nothing is waiting now; see `convene show {id}`");
    let query = EventsQuery { types: vec!["permission_decided".to_owned()], ..EventsQuery::default() };
    let decided = show::events(client, session, query).await.unwrap_or_default();
    let last = decided.iter().rev().find_map(|event| match &event.data.body {
        EventBody::Known(KnownEvent::PermissionDecided { by, decision, message, .. }) => {
            Some((event.at, by.clone(), *decision, message.clone()))
        }
        EventBody::Known(_) | EventBody::Unknown(_) => None,
    });
    match last {
        Some((at, by, decision, message)) => {
            let ago = format!("{} ago", words::age(tool::between(at, now())));
            let word = decision_word(decision);
            let detail = match by.as_str() {
                "timeout" => {
                    let why = message.as_deref().map_or_else(|| "nobody answered in time".to_owned(), clean_line);
                    format!("{why}; it was {word} {ago}")
                }
                "policy" => format!("the session's permissions decided it {ago}: {word}"),
                "cancel" => format!("it was cancelled with its turn {ago}"),
                by => format!("{} decided it {ago}: {word}", clean_line(by)),
            };
            Problem::new(Code::PermissionAlreadyDecided, detail).hint(hint).into()
        }
        None => Problem::new(Code::PermissionNotFound, format!("{id} asks for nothing")).hint(hint).into(),
    }
}
