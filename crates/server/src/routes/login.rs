//! `POST /v1/login`: a login link becomes a browser's cookie; `POST /v1/logout` takes it back.

use axum::{
    Extension, Json,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use convene_api::{
    body::{LogIn, LoginLink},
    problem::{Code, Problem},
};
use jiff::SignedDuration;
use serde_json::json;
use tokio::{task::spawn_blocking, time::Instant};

use super::sessions::delete::Empty;
use crate::{
    app::App,
    auth::{CalledFrom, Caller, LinkState, Presented},
    extract::Change,
    refusal::Refusal,
};

/// For how long a browser stays in.
const COOKIE_DAYS: i64 = 30;

/// Takes a login link, once, and gives the browser its cookie.
#[utoipa::path(
    post, path = "/v1/login", tag = "access", request_body = LogIn, security(()),
    responses((status = 200, description = "The cookie is set.")),
)]
pub async fn log_in(
    State(app): State<App>,
    Extension(from): Extension<CalledFrom>,
    Change { body, .. }: Change<LogIn>,
) -> Result<Response, Refusal> {
    let now = app.engine.now();
    match app.links.take(&body.token, now) {
        LinkState::Taken => {}
        LinkState::Used => return Err(Problem::filled(Code::LoginLinkUsed, []).into()),
        LinkState::Unknown => {
            app.limiter.failure(from.0, Instant::now()).check()?;
            let problem = Problem::new(Code::TokenInvalid, "this link is unknown or older than ten minutes");
            return Err(problem.hint("run `convene open`").into());
        }
    }
    let life = SignedDuration::from_hours(24 * COOKIE_DAYS);
    let expires_at = now.saturating_add(life).unwrap_or(now);
    let nonce = getrandom::u64().map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    let cookie = cookie(&app, &app.keys.browser_token(expires_at, nonce), life)?;
    Ok((StatusCode::OK, [(header::SET_COOKIE, cookie)], Json(json!({"expires_at": expires_at}))).into_response())
}

/// Takes the cookie back from the browser that asks, and ends it: a copy of it is worth nothing, and what the browser
/// has open is closed.
#[utoipa::path(
    post, path = "/v1/logout", tag = "access",
    responses((status = 200, description = "The cookie is gone.")),
)]
pub async fn log_out(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    _: Change<Empty>,
) -> Result<Response, Refusal> {
    let failed = |error: String| Problem::new(Code::Internal, error);
    if let Presented::Browser { expires_at, nonce } = caller.shown {
        let with = app.clone();
        let ended = spawn_blocking(move || with.logged_out.end(nonce, expires_at)).await;
        ended.map_err(|error| failed(error.to_string()))?.map_err(|error| failed(error.to_string()))?;
        app.tokens_changed.send_replace(());
    }
    let gone = cookie(&app, "", SignedDuration::ZERO)?;
    Ok((StatusCode::OK, [(header::SET_COOKIE, gone)], Json(json!({"logged_out": true}))).into_response())
}

/// The cookie with this in it, for so long.
fn cookie(app: &App, value: &str, life: SignedDuration) -> Result<HeaderValue, Problem> {
    let secure = if app.config.trust_proxy { "; Secure" } else { "" };
    let life = life.as_secs();
    let text = format!("{}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={life}{secure}", app.cookie);
    HeaderValue::from_str(&text).map_err(|error| Problem::new(Code::Internal, error.to_string()))
}

/// Makes a login link for a browser of the owner.
#[utoipa::path(
    post, path = "/v1/login/links", tag = "access",
    responses((status = 201, body = LoginLink)),
)]
pub async fn make_login_link(
    State(app): State<App>,
    _: Change<Empty>,
) -> Result<(StatusCode, Json<LoginLink>), Refusal> {
    let made = app.links.make(app.engine.now());
    let (token, expires_at) = made.map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    Ok((StatusCode::CREATED, Json(LoginLink { path: format!("/#t={token}"), expires_at })))
}
