//! `/v1/tokens`

use axum::{
    Extension, Json,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use convene_api::{
    body::{CreateToken, CreatedToken, Page, RotateToken, TokenView},
    problem::{Code, Problem},
};
use convene_core::{Timestamp, ids::TokenId};
use convene_engine::{
    TokenChange, Work,
    storage::{Reader as _, TokenRow},
};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{
    paging::{Order, Paging, page},
    sessions::delete::Empty,
};
use crate::{
    app::App,
    auth::{Caller, Scope},
    extract::{Change, Params},
    refusal::{Refusal, invalid},
    reply::{REPLAYED, Touched, change, json as answer, recorded},
};

/// The longest life of a token that ends, in seconds: ten years.
pub const LONGEST: u64 = 10 * 366 * 86_400;

/// The longest name, in characters.
pub const NAME_MAX: usize = 200;

/// The longest time for which a secret that was replaced still works, in seconds: thirty days.
pub const GRACE_MAX: u64 = 30 * 86_400;

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
    let scope = body.scope.as_deref().unwrap_or("admin");
    let Some(scope) = Scope::of_token(scope) else {
        let problem = invalid("scope", format!("{scope:?} is not one of its values"));
        return Err(problem.hint("allowed: read, approve, write, admin, worker").into());
    };
    if body.expires_in.is_some_and(|s| s == 0 || s > LONGEST) {
        return Err(invalid("expires_in", format!("it is not between 1 and {LONGEST} seconds")).into());
    }
    if body.name.chars().count() > NAME_MAX {
        return Err(invalid("name", format!("it has more than {NAME_MAX} characters")).into());
    }
    let id = TokenId::new(app.engine.uuid());
    let created_at = app.engine.now();
    let row = TokenRow {
        id,
        hash: hash(&app, id, 0),
        name: body.name,
        scope: scope.token_name().to_owned(),
        owner: caller.owner.clone(),
        created_at,
        expires_at: body.expires_in.map(|life| after(created_at, life)),
        generation: 0,
        previous_until: None,
        last_used_at: None,
    };
    let view = view(&app, &row);
    // The recorded answer must not hold the secret, so it is put in afterwards; it follows from the token's id.
    let reply = change(&app, &caller, asked, Work::AddToken(row), StatusCode::CREATED, move |_| view.clone()).await?;
    with_secret(&app, reply).await
}

async fn with_secret(app: &App, reply: Response) -> Result<Response, Refusal> {
    let (parts, body) = reply.into_parts();
    let bug = |what: String| Problem::new(Code::Internal, what);
    let bytes = axum::body::to_bytes(body, 1 << 16).await.map_err(|error| bug(error.to_string()))?;
    let token: TokenView = serde_json::from_slice(&bytes).map_err(|error| bug(error.to_string()))?;
    let secret = app.keys.api_token(token.id, token.generation);
    let touched = Touched(token.id.to_string());
    let body = serde_json::to_string(&CreatedToken { token, secret }).map_err(|error| bug(error.to_string()))?;
    let mut response = answer(parts.status, body);
    response.extensions_mut().insert(touched);
    if let Some(replayed) = parts.headers.get(REPLAYED) {
        response.headers_mut().insert(REPLAYED, replayed.clone());
    }
    Ok(response)
}

/// The API tokens without their secrets, oldest first.
#[utoipa::path(
    get, path = "/v1/tokens", tag = "tokens",
    params(Paging), responses((status = 200, body = Page<TokenView>)),
)]
pub async fn list_tokens(
    State(app): State<App>,
    Params(paging): Params<Paging>,
) -> Result<Json<Page<TokenView>>, Refusal> {
    let rows = app.engine.query(|reader| reader.tokens()).await?;
    let mut items: Vec<_> = rows.iter().map(|row| (row.id.to_string(), view(&app, row))).collect();
    items.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(Json(page(&app, "tokens", Order::Sorted, &paging, items)?))
}

/// Gives a token a new secret, which is in the answer and nowhere else. The old one works for the grace that is asked
/// for, and ends at once without one; connections that were opened with it end with it.
#[utoipa::path(
    post, path = "/v1/tokens/{id}/rotate", tag = "tokens", params(("id" = String, Path)), request_body = RotateToken,
    responses((status = 200, body = CreatedToken)),
)]
pub async fn rotate_token(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Change { body, asked }: Change<RotateToken>,
) -> Result<Response, Refusal> {
    let id: TokenId = id.parse().map_err(|_| invalid("id", format!("{id:?} is no id of a token")))?;
    if body.grace > GRACE_MAX {
        return Err(invalid("grace", format!("it is more than {GRACE_MAX} seconds")).into());
    }
    if let Some(replayed) = recorded(&app, &caller, &asked, StatusCode::OK).await? {
        return with_secret(&app, replayed).await;
    }
    let row = app.engine.query(move |reader| reader.token(id)).await?;
    let row = row.ok_or_else(|| {
        Problem::new(Code::NotFound, format!("there is no token {id}")).hint("`convene token ls` lists them")
    })?;
    let generation = row.generation.saturating_add(1);
    let previous_until = (body.grace > 0).then(|| after(app.engine.now(), body.grace));
    let hash = hash(&app, id, generation);
    let view = view(&app, &TokenRow { generation, previous_until, ..row });
    let rotate = Work::ChangeTokens(vec![(id, TokenChange::Rotate { generation, hash, previous_until })]);
    let reply = change(&app, &caller, asked, rotate, StatusCode::OK, move |_| view.clone()).await?;
    app.tokens_changed.send_replace(());
    with_secret(&app, reply).await
}

/// Ends a token, and every connection that was opened with it.
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
    let reply = change(&app, &caller, asked, Work::RevokeToken(id), StatusCode::OK, gone).await?;
    app.tokens_changed.send_replace(());
    Ok(reply)
}

fn view(app: &App, row: &TokenRow) -> TokenView {
    TokenView {
        id: row.id,
        name: row.name.clone(),
        scope: Scope::of_token(&row.scope).map_or_else(|| row.scope.clone(), |scope| scope.token_name().to_owned()),
        created_at: row.created_at,
        expires_at: row.expires_at,
        generation: row.generation,
        previous_until: row.previous_until,
        last_used_at: app.usage.since(row.id).max(row.last_used_at),
    }
}

fn hash(app: &App, id: TokenId, generation: u32) -> String {
    format!("{:x}", Sha256::digest(app.keys.api_token(id, generation)))
}

/// A time so many seconds later.
fn after(now: Timestamp, seconds: u64) -> Timestamp {
    let life = jiff::SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
    now.saturating_add(life).unwrap_or(now)
}
