//! `POST /v1/login`: a login link becomes a browser's cookie.

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
use tokio::time::Instant;

use super::sessions::delete::Empty;
use crate::{
    app::App,
    auth::{CalledFrom, LinkState, random_hex},
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
    let nonce = random_hex(8).map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    let secure = if app.config.trust_proxy { "; Secure" } else { "" };
    let cookie = format!(
        "{}={}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}{secure}",
        app.cookie,
        app.keys.browser_token(expires_at, &nonce),
        life.as_secs(),
    );
    let mut response = (StatusCode::OK, Json(json!({"expires_at": expires_at}))).into_response();
    let value = HeaderValue::from_str(&cookie).map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    response.headers_mut().insert(header::SET_COOKIE, value);
    Ok(response)
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
