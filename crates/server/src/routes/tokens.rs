//! `/v1/tokens`

use axum::{
    Extension, Json,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use convene_api::{
    body::{CreateToken, CreatedToken, Items, TokenView},
    problem::{Code, Problem},
};
use convene_core::ids::TokenId;
use convene_engine::{
    Work,
    storage::{Reader as _, TokenRow},
};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::sessions::delete::Empty;
use crate::{
    app::App,
    auth::Caller,
    extract::Change,
    refusal::{Refusal, invalid},
    reply::{REPLAYED, change, json as answer},
};

/// The longest life of a token that ends, in seconds: ten years.
const LONGEST: u64 = 10 * 366 * 86_400;

/// Makes an API token; its secret is in the answer and nowhere else.
#[utoipa::path(
    post, path = "/v1/tokens", tag = "tokens", request_body = CreateToken,
    responses((status = 201, body = CreatedToken)),
)]
pub async fn create_token(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Change { body, asked }: Change<CreateToken>,
) -> Result<Response, Refusal> {
    let scope = body.scope.unwrap_or_else(|| "owner".to_owned());
    if !matches!(scope.as_str(), "owner" | "worker") {
        let problem = invalid("scope", format!("{scope} is not one of its values"));
        return Err(problem.hint("allowed: owner, worker").into());
    }
    if body.expires_in.is_some_and(|s| s == 0 || s > LONGEST) {
        return Err(invalid("expires_in", format!("it is not between 1 and {LONGEST} seconds")).into());
    }
    let id = TokenId::new(app.engine.uuid());
    let created_at = app.engine.now();
    let life = body.expires_in.map(|s| jiff::SignedDuration::from_secs(i64::try_from(s).unwrap_or(i64::MAX)));
    let row = TokenRow {
        id,
        hash: format!("{:x}", Sha256::digest(app.keys.api_token(id))),
        name: body.name,
        scope,
        owner: caller.owner.clone(),
        created_at,
        expires_at: life.map(|life| created_at.saturating_add(life).unwrap_or(created_at)),
    };
    let view = view(&row);
    // The recorded answer must not hold the secret, so it is put in afterwards; it follows from the token's id.
    let reply = change(&app, &caller, asked, Work::AddToken(row), StatusCode::CREATED, move |_| view.clone()).await?;
    with_secret(&app, reply).await
}

async fn with_secret(app: &App, reply: Response) -> Result<Response, Refusal> {
    let (parts, body) = reply.into_parts();
    let bug = |what: String| Problem::new(Code::Internal, what);
    let bytes = axum::body::to_bytes(body, 1 << 16).await.map_err(|error| bug(error.to_string()))?;
    let token: TokenView = serde_json::from_slice(&bytes).map_err(|error| bug(error.to_string()))?;
    let secret = app.keys.api_token(token.id);
    let body = serde_json::to_string(&CreatedToken { token, secret }).map_err(|error| bug(error.to_string()))?;
    let mut response = answer(parts.status, body);
    if let Some(replayed) = parts.headers.get(REPLAYED) {
        response.headers_mut().insert(REPLAYED, replayed.clone());
    }
    Ok(response)
}

/// The API tokens without their secrets, oldest first.
#[utoipa::path(
    get, path = "/v1/tokens", tag = "tokens",
    responses((status = 200, body = Items<TokenView>)),
)]
pub async fn list_tokens(State(app): State<App>) -> Result<Json<Items<TokenView>>, Refusal> {
    let rows = app.engine.query(|reader| reader.tokens()).await?;
    Ok(Json(Items { items: rows.iter().map(view).collect() }))
}

/// Ends a token.
#[utoipa::path(
    delete, path = "/v1/tokens/{id}", tag = "tokens", params(("id" = String, Path)),
    responses((status = 200, description = "It is gone.")),
)]
pub async fn revoke_token(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Change { asked, .. }: Change<Empty>,
) -> Result<Response, Refusal> {
    let id: TokenId = id.parse().map_err(|_| invalid("id", format!("{id:?} is no id of a token")))?;
    let gone = move |_: &convene_engine::Outcome| json!({"id": id, "revoked": true});
    change(&app, &caller, asked, Work::RevokeToken(id), StatusCode::OK, gone).await
}

fn view(row: &TokenRow) -> TokenView {
    TokenView {
        id: row.id,
        name: row.name.clone(),
        scope: row.scope.clone(),
        created_at: row.created_at,
        expires_at: row.expires_at,
    }
}
