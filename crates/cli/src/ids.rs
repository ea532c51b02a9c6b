//! From what a person types to a session: full id, prefix, short id, title, or `@`.

use convene_api::{
    client::{Client, SessionsQuery},
    problem::{Code, Problem},
};
use convene_core::{
    view::{SessionView, ThreadView},
    workspace::Workspace,
};

use crate::{app::App, failure::Failure, render::clean::clean_line};

/// Pages of sessions that are looked through for a title.
const PAGES: usize = 50;

/// The session that is meant.
///
/// # Errors
/// If none or several fit.
pub async fn session(app: &App, client: &Client, typed: &str) -> Result<SessionView, Failure> {
    if typed == "@" {
        return newest_here(app, client).await;
    }
    let refused = match client.session(typed).await {
        Ok(session) => return Ok(session),
        Err(error) => error.into_problem(),
    };
    if !matches!(refused.code, Code::SessionNotFound | Code::InvalidRequest | Code::NotFound) {
        return Err(refused.into());
    }
    let found = matching(client, |session| session.title == typed, Some(typed)).await?;
    match found.as_slice() {
        [] if refused.code == Code::SessionNotFound => Err(refused.into()),
        [] => Err(Problem::filled(Code::SessionNotFound, [("id", format!("{typed:?}").into())]).into()),
        [one] => Ok(one.clone()),
        several => {
            let list: Vec<String> = several.iter().map(|s| s.short_id.clone()).collect();
            let fields = [("id", format!("{typed:?}").into()), ("n", list.len().into()), ("list", list.into())];
            Err(Problem::filled(Code::SessionAmbiguous, fields).into())
        }
    }
}

/// The newest session of this directory; its title is echoed, because nobody typed it.
async fn newest_here(app: &App, client: &Client) -> Result<SessionView, Failure> {
    let here = std::env::current_dir().map(|dir| dir.to_string_lossy().into_owned()).unwrap_or_default();
    // One in a worktree works elsewhere, and belongs here all the same.
    let is_here = |session: &SessionView| {
        let told = session.workspace.as_ref().map(Workspace::told);
        session.cwd == here || told.is_some_and(|told| told.as_os_str() == here.as_str())
    };
    let found = matching(client, is_here, None).await?;
    let Some(newest) = found.into_iter().max_by_key(|session| (session.created_at, session.id)) else {
        return Err(Problem::new(Code::SessionNotFound, format!("no session works in {here}"))
            .hint("`convene ls` lists them")
            .into());
    };
    app.out.note(&format!("@ is {} \"{}\"", newest.short_id, clean_line(&newest.title)));
    Ok(newest)
}

async fn matching(
    client: &Client,
    fits: impl Fn(&SessionView) -> bool,
    q: Option<&str>,
) -> Result<Vec<SessionView>, Failure> {
    let mut query = SessionsQuery { q: q.map(str::to_owned), ..SessionsQuery::default() };
    let mut found = Vec::new();
    for _ in 0..PAGES {
        let page = client.sessions(&query).await?;
        found.extend(page.items.into_iter().filter(&fits));
        match page.next_cursor {
            Some(cursor) => query.cursor = Some(cursor),
            None => break,
        }
    }
    Ok(found)
}

/// The thread that is meant: full id, the end of one, or a title.
///
/// # Errors
/// If none or several fit.
pub async fn thread(client: &Client, typed: &str) -> Result<ThreadView, Failure> {
    let refused = match client.thread(typed).await {
        Ok(thread) => return Ok(thread),
        Err(error) => error.into_problem(),
    };
    if !matches!(refused.code, Code::ThreadNotFound | Code::InvalidRequest | Code::NotFound) {
        return Err(refused.into());
    }
    let bare = typed.strip_prefix("thr_").unwrap_or(typed);
    let mut found: Vec<ThreadView> = Vec::new();
    let mut cursor: Option<String> = None;
    for _ in 0..PAGES {
        let page = client.threads(cursor.as_deref()).await?;
        found.extend(page.items.into_iter().filter(|thread| {
            let id = thread.id.uuid().simple().to_string();
            thread.title == typed || id.starts_with(bare) || (bare.len() >= 6 && id.ends_with(bare))
        }));
        match page.next_cursor {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(Problem::filled(Code::ThreadNotFound, [("id", format!("{typed:?}").into())]).into()),
        several => {
            let list: Vec<String> = several.iter().map(|t| t.id.to_string()).collect();
            let fields = [("id", format!("{typed:?}").into()), ("n", list.len().into()), ("list", list.into())];
            Err(Problem::filled(Code::SessionAmbiguous, fields).into())
        }
    }
}
