//! The body of a mutation, with the key under which its answer is recorded.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{FromRequest, Request},
    http::{Method, header},
};
use bytes::{Bytes, BytesMut};
use convene_api::problem::{Code, Problem};
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::time::timeout;

use super::{explain, strict::Strict};
use crate::{
    app::App,
    refusal::{Refusal, invalid},
};

/// The largest body, in bytes. Far above the largest prompt, so that one that is too large is told as such.
pub const BODY_MAX: usize = 16 << 20;

/// The largest whole number in a query: what JavaScript still tells from its neighbors.
pub const NUMBER_MAX: u64 = (1 << 53) - 1;

/// How long a body may stand still, and how long all of it may take.
const STALLED: Duration = Duration::from_secs(30);
const SLOW: Duration = Duration::from_secs(300);

/// The longest idempotency key, in bytes.
pub const KEY_MAX: usize = 255;

/// The key of a mutation and what it is the key of.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The key, if the client gave one.
    pub key: Option<Arc<str>>,
    /// A hash of method, path and body.
    pub hash: String,
}

/// A mutation as it was asked for. An absent body reads as an empty object.
#[derive(Debug)]
pub struct Change<T> {
    /// The body.
    pub body: T,
    /// Its key.
    pub asked: Asked,
}

impl<T: DeserializeOwned + Send> FromRequest<App> for Change<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _app: &App) -> Result<Self, Refusal> {
        let (parts, body) = request.into_parts();
        if let Some(query) = parts.uri.query().filter(|q| !q.is_empty()) {
            let field = query.split(['=', '&']).next().unwrap_or(query);
            return Err(Problem::filled(Code::UnknownField, [("field", field.into())]).into());
        }
        let key = match parts.headers.get("idempotency-key") {
            Some(key) => Some(read_key(key.to_str().unwrap_or_default())?),
            None => None,
        };
        let length = parts.headers.get(header::CONTENT_LENGTH).and_then(|l| l.to_str().ok()?.parse::<u64>().ok());
        if let Some(length) = length.filter(|l| *l > BODY_MAX as u64) {
            return Err(too_large(&size(length)).into());
        }
        let bytes = whole(body).await?;
        let path = parts.uri.path();
        if !bytes.is_empty() && !is_json(&parts.headers) {
            let problem = invalid("content-type", "it must be application/json");
            return Err(problem.hint("send JSON, and say so: content-type: application/json").into());
        }
        if parts.headers.get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
            return Err(invalid("content-encoding", "bodies are taken as they are").hint("leave it out").into());
        }
        let text = std::str::from_utf8(&bytes).map_err(|error| not_text(path, error.valid_up_to()))?;
        let mut value: Value = match text.trim() {
            "" => Value::Object(serde_json::Map::new()),
            text => serde_json::from_str(text)
                .map(|Strict(value)| value)
                .map_err(|error| invalid("body", explain::syntax(&error)))?,
        };
        // serde would take a list for a struct's fields in their order.
        if !value.is_object() {
            return Err(invalid("body", "it must be a JSON object").into());
        }
        whole_numbers(&mut value);
        // A change that names a field changes it, and `null` is no value.
        if parts.method == Method::PATCH
            && let Some((field, _)) = value.as_object().and_then(|object| object.iter().find(|(_, v)| v.is_null()))
        {
            return Err(invalid(field, "null is no value; leave it out to keep what is").into());
        }
        // Of the bytes as they came: a retry is what was sent before, once more.
        let hash = Sha256::new().chain_update(parts.method.as_str()).chain_update(" ").chain_update(path);
        let hash = hash.chain_update("\n").chain_update(&bytes).finalize();
        let asked = Asked { key, hash: format!("{hash:x}") };
        match T::deserialize(&value) {
            Ok(body) => Ok(Self { body, asked }),
            Err(error) => Err(explain::body::<T>(value, &error).into()),
        }
    }
}

/// The whole body, if it is not too large and keeps coming.
async fn whole(body: Body) -> Result<Bytes, Problem> {
    let mut stream = body.into_data_stream();
    let read = async {
        let mut whole = BytesMut::new();
        loop {
            match timeout(STALLED, stream.next()).await {
                Ok(Some(Ok(piece))) if whole.len() + piece.len() <= BODY_MAX => whole.extend_from_slice(&piece),
                Ok(Some(Ok(_))) => return Err(too_large(&format!("over {}", size(BODY_MAX as u64)))),
                Ok(Some(Err(_))) => return Err(invalid("body", "it broke off")),
                Ok(None) => return Ok(whole.freeze()),
                Err(_) => return Err(stalled()),
            }
        }
    };
    timeout(SLOW, read).await.unwrap_or_else(|_| Err(stalled()))
}

fn stalled() -> Problem {
    invalid("body", "it was announced and did not come").hint("send it in one go")
}

/// `1.0` is a whole number in JSON; what is written so by clients in languages with one kind of number reads as `1`.
fn whole_numbers(value: &mut Value) {
    match value {
        Value::Number(number) => {
            let whole = number.as_f64().filter(|n| number.is_f64() && n.fract() == 0.0 && n.abs() < NUMBER_MAX as f64);
            if let Some(whole) = whole {
                // No digit is lost: it is whole, and smaller than what a float tells from its neighbors.
                *number = (whole as i64).into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(whole_numbers),
        Value::Object(members) => members.values_mut().for_each(whole_numbers),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

fn read_key(key: &str) -> Result<Arc<str>, Problem> {
    let is_text = key.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && key.trim() == key;
    if key.is_empty() || key.len() > KEY_MAX || !is_text {
        return Err(invalid("idempotency-key", format!("it must have 1 to {KEY_MAX} visible ASCII characters")));
    }
    Ok(key.into())
}

/// Other media types are what pages may send across origins without being asked first.
fn is_json(headers: &axum::http::HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()) else { return false };
    let media = value.split(';').next().unwrap_or_default().trim();
    media.eq_ignore_ascii_case("application/json")
}

/// A body that is no UTF-8: where prompts are taken it is the prompt.
fn not_text(path: &str, at: usize) -> Problem {
    let takes_prompt = path.ends_with("/prompts") || path.ends_with("/sessions") || path.ends_with("/threads");
    match takes_prompt || path.contains("/queue/") {
        true => Problem::filled(Code::PromptNotText, [("n", at.into())]),
        false => invalid("body", format!("it is not UTF-8 at byte {at}")),
    }
}

fn too_large(size_text: &str) -> Problem {
    Problem::filled(Code::BodyTooLarge, [("size", size_text.into()), ("max", size(BODY_MAX as u64).into())])
}

/// A size for people.
pub fn size(bytes: u64) -> String {
    match bytes {
        1_000_000.. => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
        1000.. => format!("{} kB", bytes / 1000),
        _ => format!("{bytes} bytes"),
    }
}
