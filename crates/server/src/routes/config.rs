//! `GET /v1/config`: what the server was started with, without secrets.

use axum::{Json, extract::State};
use convene_api::body::ConfigView;

use crate::app::App;

/// The configuration that the server was started with. What may be a secret is left out by whoever started it.
#[utoipa::path(get, path = "/v1/config", tag = "server", responses((status = 200, body = ConfigView)))]
pub async fn get_config(State(app): State<App>) -> Json<ConfigView> {
    Json(app.config.shown.clone())
}
