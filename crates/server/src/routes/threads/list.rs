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
    routes::{
        paging::{before, cursor, limit},
        sessions::list::one_of,
    },
};

/// The list's name in its cursors.
const LIST: &str = "threads";

/// Which threads are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// `true`: those that are put away; otherwise those that are not.
    archived: Option<String>,
    /// At most so many; 100 by default.
    #[param(minimum = 1, maximum = 500, default = 100)]
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
    let before = before(&app, LIST, wanted.cursor.as_deref())?;
    let archived = match wanted.archived.as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(other) => return Err(one_of("archived", other, &["true", "false"]).into()),
    };
    let shared = app.engine.shared();
    let (pos, epoch) = (*shared.feed.follow_all().borrow(), shared.epoch);
    let mut found = app.engine.threads(caller.namespace.to_owned(), archived, before, limit + 1).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next_cursor = found.last().filter(|_| more).map(|(_, created)| cursor(&app, LIST, &created.to_string()));
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
