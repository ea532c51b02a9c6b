//! `convene show`: one session, or one of its tool calls.

use clap::Args;
use convene_api::{
    body::{FileChanges, FileStatus},
    client::{Client, EventsQuery, SessionEvent},
    exit,
    problem::{Code, Problem},
};
use convene_core::{
    content::plain_text,
    event::{EventBody, KnownEvent},
    view::SessionView,
};

use crate::{
    app::{App, now},
    args::{Output, TEMPLATE},
    connect,
    failure::{Failure, Outcome},
    ids,
    render::{
        clean::{clean, clean_line},
        diff, facts,
        question::short_request,
        style::{Paint, Style},
        tool::{self, Call, Tools},
        words,
    },
};

const EXAMPLES: &str = "\
Examples:
  convene show k3f9qz
  convene show k3f9qz --tool 2    all that the second tool call produced
  convene show k3f9qz --changes   what changed in its directory
  convene show @ --json           the newest session of this directory";

/// Choices of a setting that are listed.
const CHOICES_SHOWN: usize = 8;

/// Show one session
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES)]
pub struct ShowArgs {
    /// Session: id, prefix, short id, title or @
    pub id: String,
    /// All of one tool call, by its number or id
    #[arg(long, value_name = "N")]
    pub tool: Option<String>,
    /// Files changed in its directory since it began
    #[arg(long)]
    pub changes: bool,
    /// With --changes: all lines of each file
    #[arg(long, requires = "changes")]
    pub full: bool,
    /// Prompts that wait
    #[arg(long)]
    pub queue: bool,
    #[command(flatten)]
    pub output: Output,
}

/// Runs it.
pub async fn run(app: &App, args: ShowArgs) -> Outcome {
    let client = connect::client(app).await?;
    let session = ids::session(app, &client, &args.id).await?;
    if let Some(which) = &args.tool {
        return show_tool(app, &client, &session, which).await;
    }
    if args.changes {
        return show_changes(app, &client, &session, args.full).await;
    }
    if args.queue {
        return super::queue::list(app, &client, &session).await;
    }
    if app.json {
        app.out.json(&session)?;
        return Ok(exit::DONE);
    }
    app.out.text(&summary(app, &session))?;
    Ok(exit::DONE)
}

fn summary(app: &App, session: &SessionView) -> String {
    let style = app.style();
    let dot = style.dot();
    let id = &session.short_id;
    let agent = match &session.agent_version {
        Some(version) => format!("{} {}", session.agent, clean_line(version)),
        None => session.agent.clone(),
    };
    let badge = session.badge.to_string().replace('-', " ");
    let mut lines = vec![format!("session {id} \"{}\"{dot}{badge}{dot}{agent}", clean_line(&session.title))];
    let mut place = vec![words::at_home(&session.cwd, app.home().as_deref())];
    if let Some(worker) = &session.worker {
        place.push(format!("worker {worker}, attempt {}", session.attempt));
    }
    if let Some(held) = &session.containment {
        place.push(format!("held by {held}"));
    }
    lines.push(format!("where   {}", place.join(dot)));
    if let Some(fork) = &session.forked_from {
        lines.push(format!("forked  from {} after event {}", fork.session.short(), fork.seq));
    }
    if let Some(at) = session.context_lost_at {
        let ago = words::age(tool::between(at, now()));
        lines.push(format!("context lost {ago} ago; the agent goes by a recap: convene logs {id}"));
    }
    lines.extend(agent_lines(session));
    if let Some(waiting) = &session.waiting {
        lines.push(format!("waits   {}", clean_line(&waiting.detail)));
    }
    if let Some(turn) = &session.turn {
        let since = words::clock(tool::between(turn.started_at, now()));
        let cancelled = turn.cancelled_by.as_deref().map(|by| format!(", being cancelled by {}", clean_line(by)));
        lines.push(format!("now     turn {}, for {since}{}", turn.number, cancelled.unwrap_or_default()));
    }
    for ailment in &session.unhealthy {
        let since = words::age(tool::between(ailment.since, now()));
        lines.push(format!("health  {}: {}, for {since}", ailment.reason.name(), clean_line(&ailment.detail)));
    }
    let mut turns = Vec::new();
    if let Some(turn) = &session.turn {
        turns.push(format!("{}, running", turn.number));
    }
    if let Some(turn) = &session.last_turn {
        let end = facts::End::Turn { stop_reason: turn.stop_reason, failure: turn.failure.clone() };
        let ago = words::age(tool::between(turn.ended_at, now()));
        let words = end.words(turn.rejected);
        turns.push(match session.turn {
            Some(_) => format!("turn {} {words} {ago} ago", turn.number),
            None => format!("{}, last {words} {ago} ago", turn.number),
        });
    }
    if let Some(tokens) = facts::tokens(&session.usage) {
        turns.push(format!("{} tokens", words::tokens(tokens)));
    }
    if !turns.is_empty() {
        lines.push(format!("turns   {}", turns.join(dot)));
    }
    if session.queue_length > 0 {
        let verb = if session.queue_length == 1 { "waits" } else { "wait" };
        lines.push(format!("queue   {} {verb}: convene queue {id}", words::count(session.queue_length, "prompt")));
    }
    for request in &session.pending_permissions {
        let what = tool::subject(&request.tool_call, &session.cwd, app.home().as_deref());
        let left = words::rejects_in(request.expires_at, now()).unwrap_or_else(|| "waits for ever".to_owned());
        let request = short_request(request.request);
        lines.push(format!("asks    {what} ({left}): convene approve {id} {request}"));
    }
    for question in &session.pending_elicitations {
        lines.push(format!("asks    {}", clean_line(&question.message)));
    }
    if let Some(failure) = &session.failure {
        lines.push(format!("failed  {}", clean_line(&failure.summary)));
        if let Some(hint) = &failure.hint {
            lines.push(format!("        {}", clean_line(hint)));
        }
        if let Some(bundle) = &failure.bundle {
            lines.push(format!("        all that is known of it: {}", clean_line(bundle)));
        }
    }
    let took = session.stop_step.filter(|step| !step.is_polite()).map(|step| step.words().to_owned());
    let stopped: Vec<String> = session.stop_detail.as_deref().map(clean_line).into_iter().chain(took).collect();
    if !stopped.is_empty() {
        lines.push(format!("stopped {}", stopped.join("; ")));
    }
    if let Some(result) = session.result.as_deref().filter(|r| !r.trim().is_empty()) {
        let first = clean(result).lines().find(|l| !l.trim().is_empty()).unwrap_or_default().to_owned();
        lines.push(format!("said    {}", words::cut(first.trim(), 72, style.ellipsis())));
    }
    let next = match session.state.as_str() {
        _ if !session.pending_permissions.is_empty() => format!("convene approve {id}, or convene deny {id}"),
        "running" | "starting" | "stopping" => format!("convene wait {id}"),
        _ => format!("convene prompt {id} \"...\""),
    };
    lines.push(format!("next    {next}"));
    lines.join("\n") + "\n"
}

/// What the agent announced: its settings with their choices, and what it takes.
fn agent_lines(session: &SessionView) -> Vec<String> {
    let mut lines = Vec::new();
    for option in session.config_options.iter() {
        let name = option.category.as_deref().filter(|c| matches!(*c, "model" | "mode")).unwrap_or(&option.id);
        let now = clean_line(&super::set::value_text(&option.value));
        let others: Vec<String> =
            option.choices.iter().map(|c| clean_line(&c.value)).filter(|choice| *choice != now).collect();
        let more = others.len().saturating_sub(CHOICES_SHOWN);
        let mut list = others.into_iter().take(CHOICES_SHOWN).collect::<Vec<_>>().join(", ");
        if more > 0 {
            list.push_str(&format!(", {more} more"));
        }
        let list = if list.is_empty() { list } else { format!(" (or {list})") };
        lines.push(format!("{:<7} {now}{list}", clean_line(name)));
    }
    if let Some(announced) = &session.capabilities {
        let has = |path: &str| announced.pointer(path).is_some_and(|v| v.as_bool() != Some(false) && !v.is_null());
        let can: Vec<&str> = [
            ("/promptCapabilities/image", "images"),
            ("/promptCapabilities/audio", "audio"),
            ("/promptCapabilities/embeddedContext", "files in prompts"),
            ("/mcpCapabilities/http", "MCP over HTTP"),
            ("/mcpCapabilities/sse", "MCP over SSE"),
            ("/sessionCapabilities/resume", "resuming"),
            ("/loadSession", "loading"),
            ("/sessionCapabilities/fork", "forking"),
        ]
        .into_iter()
        .filter_map(|(path, word)| has(path).then_some(word))
        .collect();
        if !can.is_empty() {
            lines.push(format!("can     {}", can.join(", ")));
        }
    }
    lines
}

async fn show_changes(app: &App, client: &Client, session: &SessionView, full: bool) -> Outcome {
    let changes = client.changes(session.id).await?;
    if app.json {
        app.out.json(&changes)?;
    } else {
        let limit = if full { usize::MAX } else { app.config.ui.diff_lines };
        app.out.text(&changes_text(&changes, session, app.style(), limit, app.home().as_deref()))?;
    }
    Ok(exit::DONE)
}

/// The files that changed, each with its lines, up to the limit.
fn changes_text(
    changes: &FileChanges,
    session: &SessionView,
    style: Style,
    limit: usize,
    home: Option<&str>,
) -> String {
    let dot = style.dot();
    let id = &session.short_id;
    let mut head = vec![clean_line(&words::at_home(&changes.root, home))];
    head.extend(changes.branch.as_deref().map(|branch| format!("branch {}", clean_line(branch))));
    if let Some(base) = &changes.base {
        head.push(format!("since {}", base.chars().take(7).collect::<String>()));
    }
    if changes.commits > 0 {
        head.push(words::count(usize::try_from(changes.commits).unwrap_or(usize::MAX), "commit"));
    }
    if changes.files.is_empty() {
        head.push("nothing changed".to_owned());
    } else {
        let files = words::count(changes.files.len(), "file");
        head.push(format!("{files} +{} -{}", changes.additions, changes.deletions));
    }
    let mut lines = vec![head.join(dot)];
    for file in &changes.files {
        let (sign, paint) = match file.status {
            FileStatus::Added | FileStatus::Untracked => ("A", Paint::Good),
            FileStatus::Modified | FileStatus::TypeChanged => ("M", Paint::Place),
            FileStatus::Deleted => ("D", Paint::Bad),
            FileStatus::Renamed => ("R", Paint::Place),
            FileStatus::Conflicted => ("C", Paint::Bad),
        };
        let mut row = match &file.old_path {
            Some(old) => format!("{} (was {})", clean_line(&file.path), clean_line(old)),
            None => clean_line(&file.path),
        };
        match (file.additions, file.deletions) {
            (Some(added), Some(removed)) => row.push_str(&format!("  +{added} -{removed}")),
            _ => row.push_str("  binary"),
        }
        if file.status == FileStatus::Untracked {
            row.push_str("  new to git");
        } else if file.committed {
            row.push_str("  committed");
        }
        lines.push(format!("{} {row}", style.paint(paint, sign)));
        let drawn = file.diff.as_deref().map(|diff| diff::unified(diff, style)).unwrap_or_default();
        lines.extend(drawn.iter().take(limit).map(|line| format!("    {line}").trim_end().to_owned()));
        if drawn.len() > limit {
            let rest = words::count(drawn.len() - limit, "line");
            lines.push(format!("    ... {rest} not shown: convene show {id} --changes --full"));
        }
    }
    if changes.truncated {
        lines.push("more changed than is shown here; `git diff` in its directory shows all of it".to_owned());
    }
    lines.join("\n") + "\n"
}

async fn show_tool(app: &App, client: &Client, session: &SessionView, which: &str) -> Outcome {
    let tools = tools_of(client, session).await?;
    let number: Option<usize> = which.parse().ok();
    let found = tools.all().into_iter().find(|call| number == Some(call.number) || call.call.id == which);
    let Some(call) = found else {
        let n = words::count(tools.all().len(), "tool call");
        let what = format!("session {} has {n}, none is {which:?}", session.short_id);
        return Err(Problem::new(Code::InvalidRequest, what)
            .hint(format!("see `convene logs {}`", session.short_id))
            .into());
    };
    if app.json {
        app.out.json(&call.call)?;
        return Ok(exit::DONE);
    }
    app.out.text(&whole(app, session, call))?;
    Ok(exit::DONE)
}

fn whole(app: &App, session: &SessionView, call: &Call) -> String {
    let style = app.style();
    let verb = tool::verb(&call.call);
    let mut text =
        format!("{} {verb} {}\n", call.number, tool::subject(&call.call, &session.cwd, app.home().as_deref()));
    for (path, old, new) in call.diffs() {
        text.push_str(&format!("{}\n", clean_line(path)));
        for line in diff::lines(old, new, style) {
            text.push_str(&line);
            text.push('\n');
        }
    }
    let output = tool::output(&call.call);
    text.push_str(output.trim_end());
    if !output.trim_end().is_empty() {
        text.push('\n');
    }
    if let Some(code) = tool::exit_code(&call.call) {
        text.push_str(&format!("exit {code}\n"));
    }
    text
}

async fn tools_of(client: &Client, session: &SessionView) -> Result<Tools, Failure> {
    let mut tools = Tools::default();
    let types = vec!["tool_call_updated".to_owned(), "permission_requested".to_owned()];
    for event in events(client, session, EventsQuery { types, ..EventsQuery::default() }).await? {
        if let EventBody::Known(
            KnownEvent::ToolCallUpdated { tool_call } | KnownEvent::PermissionRequested { tool_call, .. },
        ) = &event.data.body
        {
            tools.update(tool_call, event.at);
        }
    }
    Ok(tools)
}

/// All events that a query finds, page by page.
///
/// # Errors
/// If a page cannot be read.
pub async fn events(client: &Client, session: &SessionView, query: EventsQuery) -> Result<Vec<SessionEvent>, Failure> {
    let mut query = query;
    let mut events = Vec::new();
    loop {
        let page = client.events(session.id, &query).await?;
        for raw in &page.items {
            let event = SessionEvent::from_json(raw.get())
                .map_err(|e| Failure::new(Code::Internal, format!("cannot read an event of the log: {e}")))?;
            events.push(event);
        }
        let last = events.last().map(|event: &SessionEvent| event.seq);
        match (page.next_cursor, last) {
            (Some(_), Some(last)) if !page.items.is_empty() => query.after = Some(last),
            _ => return Ok(events),
        }
    }
}

/// The text of a queued prompt, in one line.
pub fn prompt_line(content: &[convene_core::content::ContentBlock]) -> String {
    clean_line(&plain_text(content))
}
