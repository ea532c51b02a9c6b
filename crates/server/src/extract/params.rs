//! Query parameters; one that is unknown is an error that names it.

use axum::{
    extract::{FromRequestParts, Query},
    http::request::Parts,
};
use convene_api::problem::Problem;
use serde::de::DeserializeOwned;

use super::{NUMBER_MAX, explain};
use crate::{
    app::App,
    refusal::{Refusal, invalid},
};

/// The query of a request, as a struct with `deny_unknown_fields`.
#[derive(Debug)]
pub struct Params<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<App> for Params<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _app: &App) -> Result<Self, Refusal> {
        match Query::<T>::try_from_uri(&parts.uri) {
            Ok(Query(params)) => Ok(Self(params)),
            Err(rejection) => Err(explain::query(&rejection.body_text()).into()),
        }
    }
}

/// A whole number of a query within what all clients can count to.
///
/// # Errors
/// `invalid_request` that names the field.
pub fn whole(field: &str, number: Option<u64>) -> Result<Option<u64>, Problem> {
    match number {
        Some(number) if number > NUMBER_MAX => Err(invalid(field, format!("it is larger than {NUMBER_MAX}"))),
        number => Ok(number),
    }
}
