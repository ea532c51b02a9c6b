//! Names of sessions in paths: the whole id, the beginning of its digits, or its last six.

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};
use convene_api::problem::{Code, Problem};
use convene_core::ids::SessionId;
use convene_engine::storage::{Reader, SessionFilter};

use crate::{
    app::App,
    refusal::{Refusal, no_session},
};

/// How many sessions a short name may fit before the rest is not looked at.
const MANY: usize = 200;

/// The length from which on digits may be the end of an id.
const SHORT: usize = 6;

/// The session that the path's `{id}` names; it existed when it was looked up.
#[derive(Debug, Clone, Copy)]
pub struct SessionName(pub SessionId);

impl FromRequestParts<App> for SessionName {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let Path(segments) = Path::<Vec<(String, String)>>::from_request_parts(parts, app)
            .await
            .map_err(|_| Problem::filled(Code::NotFound, [("openapi", "/openapi.json".into())]))?;
        let name = segments.into_iter().find(|(key, _)| key == "id").map(|(_, name)| name).unwrap_or_default();
        Ok(Self(resolve(app, &name).await?))
    }
}

/// The one session that a name fits.
///
/// # Errors
/// `session_not_found`, or `session_ambiguous` with the list.
pub async fn resolve(app: &App, name: &str) -> Result<SessionId, Refusal> {
    if let Ok(id) = name.parse() {
        return Ok(id);
    }
    let digits = name.strip_prefix(SessionId::PREFIX).unwrap_or(name).to_ascii_lowercase();
    if digits.is_empty() || digits.len() > 32 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(no_session(name).into());
    }
    let found = app.engine.query(move |reader| fitting(reader, &digits)).await?;
    match found.as_slice() {
        [] => Err(no_session(name).into()),
        [one] => Ok(*one),
        [..] => {
            let list: Vec<String> = found.iter().take(10).map(ToString::to_string).collect();
            let fields = [("id", name.into()), ("n", found.len().into()), ("list", list.into())];
            Err(Problem::filled(Code::SessionAmbiguous, fields).into())
        }
    }
}

fn fitting<R: Reader>(reader: &R, digits: &str) -> Result<Vec<SessionId>, convene_engine::storage::Error> {
    let begins = format!("{}{digits}", SessionId::PREFIX);
    let filter = SessionFilter { text: Some(begins.clone()), limit: MANY, ..SessionFilter::default() };
    let mut found: Vec<SessionId> = reader.sessions(&filter)?.into_iter().map(|row| row.id).collect();
    found.retain(|id| id.to_string().starts_with(&begins));
    if digits.len() >= SHORT {
        found.extend(reader.sessions_by_suffix(digits, MANY)?);
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}
