//! Asks the server as a client would, without a socket.

use axum::{Router, body::Body};
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::{script::Script, server, talk::Provider};

/// An answer.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Bytes,
    /// Whether the connection broke before the end.
    pub broken: bool,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The data of each event, and its name.
    pub fn events(&self) -> Vec<(String, Value)> {
        let text = self.text();
        let blocks = text.split("\n\n").filter(|block| !block.is_empty());
        let event = |block: &str| {
            let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            let data = field("data: ");
            let value = serde_json::from_str(data).unwrap_or_else(|_| Value::String(data.to_owned()));
            (field("event: ").to_owned(), value)
        };
        blocks.map(event).collect()
    }
}

/// A server, with a script or without.
pub fn server(script: Option<&str>) -> Router {
    let script = script.map(|text| Script::parse(text).unwrap_or_else(|e| panic!("{e}")));
    server::router(script, std::time::Duration::ZERO)
}

/// Asks with a method, headers and a body.
pub async fn ask(server: &Router, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut request = Request::builder().method(method).uri(path).header("host", "127.0.0.1:1");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(body.to_owned())).expect("a request");
    let response = server.clone().oneshot(request).await.expect("an answer");
    let (parts, mut body) = response.into_parts();
    let (mut bytes, mut broken) = (Vec::new(), false);
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => bytes.extend_from_slice(&frame.into_data().unwrap_or_default()),
            Err(_) => broken = true,
        }
    }
    Answer { status: parts.status, headers: parts.headers, bytes: Bytes::from(bytes), broken }
}

/// Headers that let a client of this provider in.
pub fn keys(provider: Provider) -> &'static [(&'static str, &'static str)] {
    match provider {
        Provider::Anthropic => &[("x-api-key", "k"), ("anthropic-version", "2023-06-01")],
        Provider::Responses | Provider::Chat => &[("authorization", "Bearer k")],
        Provider::Gemini => &[("x-goog-api-key", "k")],
        Provider::Bedrock => &[("authorization", "Bearer k")],
    }
}

/// Posts a body with a key.
pub async fn post(server: &Router, provider: Provider, path: &str, body: &Value) -> Answer {
    ask(server, "POST", path, keys(provider), &body.to_string()).await
}

/// The body with one place changed: `null` takes it away.
pub fn changed(body: &Value, pointer: &str, value: Value) -> Value {
    let mut body = body.clone();
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    let parent = body.pointer_mut(parent).unwrap_or_else(|| panic!("{pointer} is there"));
    match parent {
        Value::Object(map) if value.is_null() => drop(map.remove(name)),
        Value::Object(map) => drop(map.insert(name.to_owned(), value)),
        Value::Array(list) => {
            let at: usize = name.parse().expect("an index");
            if value.is_null() {
                list.remove(at);
            } else if at == list.len() {
                list.push(value);
            } else {
                list[at] = value;
            }
        }
        other => panic!("{other} has no {name}"),
    }
    body
}
