//! Stands before every route: checks where a request comes from, who sends it, whether they may, and how often. What it
//! turns away has caused no work; what was asked for is put down in the audit log.

use std::net::IpAddr;

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, Method, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use convene_api::problem::{Code, Problem};
use convene_engine::storage::Reader as _;
use tokio::time::Instant;

use super::{
    Caller, Scope,
    scope::{Level, NAMESPACE},
    token::Presented,
};
use crate::{
    app::App,
    audit::{self, Line},
    listen::Peer,
    page::Wanted,
    rate::Taken,
    refusal::Refusal,
    reply::Touched,
};

/// Signs of life want no token.
const ALIVE: [&str; 2] = ["/healthz", "/readyz"];

/// The way in for browsers; it takes no token but a login link.
const LOGIN: &str = "/v1/login";

/// Where a request came from, for those who count failures.
#[derive(Debug, Clone, Copy)]
pub struct CalledFrom(pub Option<IpAddr>);

/// Who was let in, and what it took.
#[derive(Debug, Default)]
struct Admitted {
    caller: Option<Caller>,
    taken: Option<Taken>,
}

/// Lets a request through, with its [`Caller`], or answers it.
pub async fn guard(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    mut request: Request,
    next: Next,
) -> Response {
    let from = address(&app, peer, request.headers());
    // Not the request itself: its body is not to be shared while the caller is looked up.
    let (method, path, headers) = (request.method().clone(), request.uri().path().to_owned(), request.headers());
    let mut admitted = Admitted::default();
    let problem = match app.origins.check_target(peer, request.uri()) {
        Ok(()) => admit(&app, peer, from, &method, &path, headers, &mut admitted).await.err(),
        Err(problem) => Some(problem),
    };
    let command = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).map(str::to_owned);
    let Admitted { caller, taken } = admitted;
    let is_refused = problem.is_some();
    let mut response = match problem {
        Some(problem) => Refusal::from(problem).into_response(),
        None => {
            request.extensions_mut().insert(CalledFrom(from));
            if let Some(caller) = &caller {
                request.extensions_mut().insert(caller.clone());
            }
            next.run(request).await
        }
    };
    if let Some(taken) = taken {
        taken.tell(response.headers_mut());
    }
    let is_turned_away = is_refused || matches!(response.status().as_u16(), 401 | 403 | 429);
    if is_turned_away || !matches!(method, Method::GET | Method::HEAD | Method::OPTIONS) {
        let (action, object) = audit::asked(&method, &path);
        let object = response.extensions().get::<Touched>().map(|touched| touched.0.clone()).or(object);
        app.audit.put(Line {
            at: app.engine.now(),
            actor: audit::actor(caller.as_ref()),
            peer: audit::peer(peer, from),
            asked: (action, object),
            status: response.status().as_u16(),
            code: response.extensions().get::<Code>().map(|code| code.as_str()),
            command: command.filter(|key| key.len() <= crate::extract::KEY_MAX),
        });
    }
    response
}

async fn admit(
    app: &App,
    peer: Peer,
    from: Option<IpAddr>,
    method: &Method,
    path: &str,
    headers: &HeaderMap,
    admitted: &mut Admitted,
) -> Result<(), Problem> {
    let page = app.page.wanted(method, path, headers);
    if ALIVE.contains(&path) || matches!(page, Some(Wanted::Shell)) {
        // Opening the page from a link on another one is no forgery, but the name must be ours.
        let mut headers = headers.clone();
        headers.remove("sec-fetch-site");
        return app.origins.check(peer, &headers);
    }
    app.origins.check(peer, headers)?;
    if page.is_some() || path == LOGIN {
        return Ok(());
    }
    let token = token(headers, &app.cookie).ok_or_else(|| Problem::filled(Code::AuthRequired, []))?;
    let caller = match identify(app, &token).await {
        Ok(caller) => admitted.caller.insert(caller),
        Err(problem) => {
            let taken = app.limiter.failure(from, Instant::now());
            admitted.taken = Some(taken);
            taken.check()?;
            return Err(problem);
        }
    };
    // An uplink is one request, and what waits behind it is a running agent.
    if !path.starts_with("/v1/uplink/") {
        let taken = app.limiter.request(caller.shown, peer, Instant::now());
        admitted.taken = Some(taken);
        taken.check()?;
    }
    // Everybody on the machine who is this user could read the owner's token, and agents are this user.
    if let (Scope::Person(_), Peer::Local { pid: Some(pid) }) = (caller.scope, peer)
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
    if let Presented::Api { id, .. } = caller.shown {
        app.usage.used(id, app.engine.now());
    }
    Ok(())
}

/// The address that a request came from: behind a trusted proxy the one that the proxy was called from, which it put
/// last; none over the unix socket.
fn address(app: &App, peer: Peer, headers: &HeaderMap) -> Option<IpAddr> {
    let Peer::Tcp { ip } = peer else { return None };
    let forwarded = headers.get_all("x-forwarded-for").iter().next_back().filter(|_| app.config.trust_proxy);
    let told = forwarded.and_then(|list| list.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
    Some(told.unwrap_or(ip))
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
/// `token_invalid` if it is revoked, expired, or was replaced by a newer secret.
pub async fn check(app: &App, shown: Presented) -> Result<Caller, Problem> {
    let invalid = || Problem::filled(Code::TokenInvalid, []);
    let owner = app.config.owner.clone();
    let now = app.engine.now();
    // An attempt of a history that a restored backup ended.
    if let Presented::Attempt { epoch: Some(epoch), .. } = shown
        && !goes_on(app, epoch).await?
    {
        return Err(invalid());
    }
    let (scope, owner, token_name) = match shown {
        Presented::Browser { expires_at, nonce } if expires_at <= now || app.logged_out.has(nonce) => {
            return Err(invalid());
        }
        Presented::Owner | Presented::Browser { .. } => (Scope::Person(Level::Admin), owner, None),
        Presented::Worker => (Scope::Worker, owner, None),
        Presented::Attempt { session, attempt, .. } => (Scope::Attempt { session, attempt }, owner, None),
        Presented::Api { id, generation } => {
            let row = app.engine.query(move |reader| reader.token(id)).await.map_err(|e| Refusal::from(e).problem)?;
            let row = row.filter(|row| row.expires_at.is_none_or(|end| end > now)).ok_or_else(invalid)?;
            let is_previous = row.generation.checked_sub(1) == Some(generation);
            let works =
                generation == row.generation || (is_previous && row.previous_until.is_some_and(|end| end > now));
            if !works {
                return Err(invalid());
            }
            // A scope of a later version is none that this one may hand out.
            let scope = Scope::of_token(&row.scope).ok_or_else(invalid)?;
            (scope, row.owner, Some(row.name.into()))
        }
    };
    Ok(Caller { scope, owner, namespace: NAMESPACE, shown, token_name })
}

/// Whether what began under an epoch goes on in this log: it is its own, or one from which it was saved after a damage.
async fn goes_on(app: &App, epoch: u64) -> Result<bool, Problem> {
    if epoch == app.engine.shared().epoch {
        return Ok(true);
    }
    let earlier = app.engine.query(|reader| reader.earlier_epochs()).await.map_err(|e| Refusal::from(e).problem)?;
    Ok(earlier.contains(&epoch))
}
