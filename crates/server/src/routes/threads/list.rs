//! `GET /v1/threads`

use axum::{Extension, Json, extract::State};
use convene_api::body::Page;
use convene_core::view::{self, ThreadView};
use convene_engine::Error;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    app::App,
    auth::Caller,
    extract::Params,
    refusal::Refusal,
    routes::sessions::list::{before, limit},
};

/// Which threads are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// `true`: those that are put away; otherwise those that are not.
    #[serde(default)]
    archived: bool,
    /// At most so many, up to 500; 100 by default.
    limit: Option<usize>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Threads, newest first.
#[utoipa::path(
    get, path = "/v1/threads", tag = "threads", params(Wanted),
    responses((status = 200, body = Page<ThreadView>)),
)]
pub async fn list_threads(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Params(wanted): Params<Wanted>,
) -> Result<Json<Page<ThreadView>>, Refusal> {
    let limit = limit(wanted.limit, 100, 500)?;
    let before = before(&app, wanted.cursor.as_deref())?;
    let shared = app.engine.shared();
    let (pos, epoch) = (*shared.feed.follow_all().borrow(), shared.epoch);
    let mut found = app.engine.threads(caller.namespace.to_owned(), wanted.archived, before, limit + 1).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next_cursor = found.last().filter(|_| more).map(|(_, created)| format!("{epoch}.{created}"));
    let mut items = Vec::with_capacity(found.len());
    for (id, _) in found {
        match app.engine.thread(id).await {
            Ok((thread, sessions)) => items.push(view::thread(&thread, &sessions)),
            // It went in the meantime.
            Err(Error::ThreadNotFound(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Json(Page { items, next_cursor, pos, epoch }))
}
