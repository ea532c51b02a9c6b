//! Stands before every route: checks where a request comes from, who sends it, and whether they may.

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, Method, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use convene_api::problem::{Code, Problem};
use convene_engine::storage::Reader as _;

use super::{Caller, Scope, scope::NAMESPACE, token::Presented};
use crate::{app::App, listen::Peer, refusal::Refusal};

/// Paths that want no token: signs of life, the page, and the way in.
const OPEN: [&str; 5] = ["/healthz", "/readyz", "/", "/page.js", "/page.css"];

/// The way in for browsers; it takes no token but a login link.
const LOGIN: &str = "/v1/login";

/// Lets a request through, with its [`Caller`], or answers it.
pub async fn guard(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    mut request: Request,
    next: Next,
) -> Response {
    // Not the request itself: its body is not to be shared while the caller is looked up.
    let (method, path, headers) = (request.method(), request.uri().path(), request.headers());
    match admit(&app, peer, method, path, headers).await {
        Ok(Some(caller)) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Ok(None) => next.run(request).await,
        Err(problem) => Refusal::from(problem).into_response(),
    }
}

async fn admit(
    app: &App,
    peer: Peer,
    method: &Method,
    path: &str,
    headers: &HeaderMap,
) -> Result<Option<Caller>, Problem> {
    if OPEN.contains(&path) {
        // Opening the page from a link on another one is no forgery, but the name must be ours.
        let mut headers = headers.clone();
        headers.remove("sec-fetch-site");
        app.origins.check(peer, &headers)?;
        return Ok(None);
    }
    app.origins.check(peer, headers)?;
    if path == LOGIN {
        return Ok(None);
    }
    let token = token(headers, &app.cookie).ok_or_else(|| Problem::filled(Code::AuthRequired, []))?;
    let caller = identify(app, &token).await?;
    // Everybody on the machine who is this user could read the owner's token, and agents are this user.
    if let (Scope::Owner, Peer::Local { pid: Some(pid) }) = (caller.scope, peer)
        && (app.config.is_attempt_process)(pid)
    {
        let detail = "this process belongs to an attempt, which gets no more than its own token allows";
        return Err(Problem::new(Code::ScopeDenied, detail).with("pid", pid));
    }
    caller.authorize(method, path)?;
    // A runner whose attempt is over is told so on its uplink; for everything else the token is worth nothing.
    if let Scope::Attempt { session, attempt } = caller.scope
        && path != convene_api::uplink::RUNNER_PATH
        && !app.is_current(session, attempt)
    {
        return Err(Problem::filled(Code::TokenInvalid, []));
    }
    Ok(Some(caller))
}

/// The token of a request: `Authorization: Bearer`, or the cookie of the page.
fn token(headers: &HeaderMap, cookie: &str) -> Option<String> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        return scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned());
    }
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(cookie)?.strip_prefix('=').map(str::to_owned))
}

/// Who shows a token.
///
/// # Errors
/// `token_invalid` if it is unknown, revoked, expired, or of an attempt that is over.
async fn identify(app: &App, token: &str) -> Result<Caller, Problem> {
    match app.keys.read(token) {
        Some(shown) => check(app, shown).await,
        None => Err(Problem::filled(Code::TokenInvalid, [])),
    }
}

/// Who somebody is by what they showed, now or when a socket was opened.
///
/// # Errors
/// `token_invalid` if it is revoked or expired.
pub async fn check(app: &App, shown: Presented) -> Result<Caller, Problem> {
    let invalid = || Problem::filled(Code::TokenInvalid, []);
    let owner = app.config.owner.clone();
    let now = app.engine.now();
    let (scope, owner) = match shown {
        Presented::Browser { expires_at } if expires_at <= now => return Err(invalid()),
        Presented::Owner | Presented::Browser { .. } => (Scope::Owner, owner),
        Presented::Worker => (Scope::Worker, owner),
        Presented::Attempt { session, attempt } => (Scope::Attempt { session, attempt }, owner),
        Presented::Api(id) => {
            let row = app.engine.query(move |reader| reader.token(id)).await.map_err(|e| Refusal::from(e).problem)?;
            let row = row.filter(|row| row.expires_at.is_none_or(|end| end > now)).ok_or_else(invalid)?;
            let scope = if row.scope == "worker" { Scope::Worker } else { Scope::Owner };
            (scope, row.owner)
        }
    };
    Ok(Caller { scope, owner, namespace: NAMESPACE, shown })
}
