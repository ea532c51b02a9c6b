//! The HTTP side: reads a request, lets its provider judge it, and sends what the plan says.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    response::Response,
};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, Method, StatusCode, header, request::Parts};
use serde_json::{Value, json};

use crate::{
    anthropic::{self, AnthropicVoice, Betas},
    bedrock::{self, BedrockVoice},
    builtin,
    chat::{self, ChatVoice},
    door::{self, Door, Target},
    fault::Fault,
    gemini::{self, Framing, GeminiVoice},
    ids,
    journal::{Journal, Raw},
    openai,
    play::{Play, Whole},
    responses::{self, Memory, ResponsesVoice},
    script::Script,
    talk::{Provider, Talk},
    voice::Voice,
};

/// The largest request, in bytes; the real ones stop at 20 to 32 MB.
const BODY_MAX: usize = 32 * 1024 * 1024;
/// The names of models when the script has none.
const MODELS: [&str; 2] = ["mock-model", "mock-model-small"];
/// Headers that hold keys.
const KEYS: [&str; 6] = ["authorization", "x-api-key", "x-goog-api-key", "api-key", "cookie", "x-amz-security-token"];

/// What all requests share.
struct Shared {
    script: Option<Script>,
    models: Vec<String>,
    tick: Duration,
    journal: Journal,
    memory: Memory,
}

/// The routes.
pub fn router(script: Option<Script>, tick: Duration) -> Router {
    let mut models = script.as_ref().map(|script| script.models().to_vec()).unwrap_or_default();
    if models.is_empty() {
        models = MODELS.map(str::to_owned).to_vec();
    }
    let shared = Shared { script, models, tick, journal: Journal::default(), memory: Memory::default() };
    Router::new().fallback(any).with_state(Arc::new(shared))
}

/// One request on its way to its answer.
struct Call {
    parts: Parts,
    provider: Provider,
    request: String,
    /// The body as text, for the record.
    body: Bytes,
}

impl Call {
    /// What of Anthropic's API the client asks for beside what everybody gets.
    fn betas(&self) -> Betas {
        let values = self.parts.headers.get_all("anthropic-beta").iter().filter_map(|value| value.to_str().ok());
        Betas::of(&values.collect::<Vec<_>>().join(","))
    }

    fn raw(&self) -> Raw {
        let path = self.parts.uri.path_and_query().map_or("", |path| path.as_str());
        let path = match path.split_once("key=") {
            Some((before, after)) => {
                let rest = after.find('&').map_or("", |at| &after[at..]);
                format!("{before}key=***{rest}")
            }
            None => path.to_owned(),
        };
        let headers = self.parts.headers.iter().map(|(name, value)| {
            let shown =
                if KEYS.contains(&name.as_str()) { "***".into() } else { String::from_utf8_lossy(value.as_bytes()) };
            (name.to_string(), json!(shown))
        });
        let body = serde_json::from_slice(&self.body).unwrap_or_else(|_| json!(String::from_utf8_lossy(&self.body)));
        Raw { path, headers: headers.collect(), body }
    }
}

async fn any(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    if path == "/" || path == "/_mock" || path.starts_with("/_mock/") {
        return shared.own(&parts.method, &path, &parts.headers);
    }
    let anthropic = parts.headers.contains_key("anthropic-version") || parts.headers.contains_key("x-api-key");
    let found = door::find(&path, anthropic);
    let provider = match &found {
        Some(Door::Reply(target) | Door::Count(target)) => target.provider,
        Some(Door::Models { provider, .. }) => *provider,
        Some(Door::Kept(_)) => Provider::Responses,
        None if anthropic => Provider::Anthropic,
        None => Provider::Chat,
    };
    let request = match provider {
        Provider::Anthropic => anthropic::request_id(),
        Provider::Responses | Provider::Chat => ids::fresh("req_"),
        Provider::Gemini | Provider::Bedrock => ids::uuid(),
    };
    let mut call = Call { parts, provider, request, body: Bytes::new() };
    let result = match found {
        Some(door) => shared.answer(&mut call, door, body).await,
        None => Err(nowhere(&call.parts, provider)),
    };
    match result {
        Ok(response) => response,
        Err(fault) => {
            shared.journal.refused(provider, call.raw(), &fault);
            refusal(provider, &call.request, &fault)
        }
    }
}

fn nowhere(parts: &Parts, provider: Provider) -> Fault {
    match provider {
        Provider::Anthropic => Fault::new(404, "Not Found"),
        Provider::Responses | Provider::Chat | Provider::Gemini | Provider::Bedrock => {
            Fault::new(404, format!("Invalid URL ({} {})", parts.method, parts.uri.path()))
        }
    }
}

impl Shared {
    async fn answer(&self, call: &mut Call, door: Door, body: Body) -> Result<Response, Fault> {
        let key = self.admit(call)?;
        self.check_key(call.provider, &key)?;
        let wanted = match &door {
            Door::Reply(_) | Door::Count(_) => &[Method::POST][..],
            Door::Models { .. } => &[Method::GET, Method::HEAD][..],
            Door::Kept(_) => &[Method::GET, Method::DELETE][..],
        };
        if !wanted.contains(&call.parts.method) {
            return Err(Fault::new(405, format!("Method Not Allowed: {}", call.parts.method)));
        }
        let target = match door {
            Door::Models { provider, name } => return self.models(call, provider, name),
            Door::Kept(id) => return self.kept(call, &id),
            Door::Count(target) => {
                let value = read_body(call, body).await?;
                return self.count(call, &target, &value);
            }
            Door::Reply(target) => target,
        };
        let value = read_body(call, body).await?;
        self.reply(call, &target, &value).await
    }

    fn admit(&self, call: &Call) -> Result<String, Fault> {
        let headers = &call.parts.headers;
        match call.provider {
            Provider::Anthropic => anthropic::admit(headers),
            Provider::Responses | Provider::Chat => openai::admit(headers),
            Provider::Gemini => gemini::admit(headers, call.parts.uri.query().unwrap_or_default()),
            Provider::Bedrock => bedrock::admit(headers),
        }
    }

    fn check_key(&self, provider: Provider, key: &str) -> Result<(), Fault> {
        let wanted = self.script.as_ref().and_then(Script::key);
        if wanted.is_none_or(|wanted| wanted == key) {
            return Ok(());
        }
        Err(match provider {
            Provider::Anthropic => anthropic::wrong_key(),
            Provider::Responses | Provider::Chat => openai::wrong_key(key),
            Provider::Gemini => gemini::wrong_key(),
            Provider::Bedrock => bedrock::wrong_key(),
        })
    }

    /// A script that lists its models has no others.
    fn check_model(&self, provider: Provider, name: &str) -> Result<(), Fault> {
        let listed = self.script.as_ref().is_some_and(|script| !script.models().is_empty());
        if !listed || self.models.iter().any(|model| model == name) {
            return Ok(());
        }
        Err(match provider {
            Provider::Anthropic => anthropic::no_model(name),
            Provider::Responses | Provider::Chat => openai::no_model(name),
            Provider::Gemini => gemini::no_model(name, "generateContent"),
            Provider::Bedrock => bedrock::no_model(),
        })
    }

    fn models(&self, call: &Call, provider: Provider, name: Option<String>) -> Result<Response, Fault> {
        let body = match (provider, name) {
            (Provider::Anthropic, None) => anthropic::models(&self.models),
            (Provider::Gemini, None) => gemini::models(&self.models),
            (Provider::Responses | Provider::Chat | Provider::Bedrock, None) => openai::models(&self.models),
            (provider, Some(name)) => {
                self.check_model(provider, &name)?;
                match provider {
                    Provider::Anthropic => anthropic::model(&name),
                    Provider::Gemini => gemini::model(&name),
                    Provider::Responses | Provider::Chat | Provider::Bedrock => openai::model(&name),
                }
            }
        };
        Ok(with_json(head(call.provider, &call.request), &body))
    }

    fn kept(&self, call: &Call, id: &str) -> Result<Response, Fault> {
        let gone = || Fault::new(404, format!("Response with id '{id}' not found.")).param("response_id");
        let body = if call.parts.method == Method::DELETE {
            if !self.memory.forget(id) {
                return Err(gone());
            }
            json!({ "id": id, "object": "response", "deleted": true })
        } else {
            self.memory.reply(id).ok_or_else(gone)?
        };
        Ok(with_json(head(call.provider, &call.request), &body))
    }

    fn count(&self, call: &Call, target: &Target, value: &Value) -> Result<Response, Fault> {
        let tokens = call.body.len().div_ceil(4);
        let body = match target.provider {
            Provider::Anthropic => {
                anthropic::count(value, call.betas())?;
                json!({ "input_tokens": tokens })
            }
            Provider::Gemini | Provider::Responses | Provider::Chat | Provider::Bedrock => {
                gemini::count(value)?;
                json!({
                    "totalTokens": tokens,
                    "promptTokensDetails": [{ "modality": "TEXT", "tokenCount": tokens }],
                })
            }
        };
        Ok(with_json(head(call.provider, &call.request), &body))
    }

    async fn reply(&self, call: &Call, target: &Target, value: &Value) -> Result<Response, Fault> {
        let (talk, voice) = self.understand(call, target, value)?;
        self.check_model(talk.provider, &talk.model)?;
        let plan = self.script.as_ref().and_then(|script| script.plan(&talk));
        let plan = plan.unwrap_or_else(|| builtin::plan(&talk, self.tick));
        let entry = self.journal.begin(&talk, &plan.does, call.raw());
        let mut play = Play::new(plan, voice, entry, call.body.len());
        if let Some(fault) = play.prelude().await {
            return Ok(refusal(call.provider, &call.request, &fault));
        }
        let head = head(call.provider, &call.request);
        if talk.stream {
            let head = head.header(header::CONTENT_TYPE, play.media_type()).header(header::CACHE_CONTROL, "no-cache");
            return Ok(finish(head, Body::from_stream(play.stream())));
        }
        Ok(match play.whole().await {
            Whole::Reply(body) => with_json(head, &body),
            Whole::Fault(fault) => refusal(call.provider, &call.request, &fault),
            Whole::Cut(body) => broken(head, &body),
        })
    }

    fn understand(&self, call: &Call, target: &Target, value: &Value) -> Result<(Talk, Box<dyn Voice>), Fault> {
        let model = target.model.as_deref().unwrap_or_default();
        Ok(match target.provider {
            Provider::Anthropic => {
                let talk = anthropic::read(value, call.betas())?;
                let voice = AnthropicVoice::new(&talk.model, call.request.clone());
                (talk, Box::new(voice))
            }
            Provider::Responses => {
                let (talk, items) = responses::read(value, &self.memory)?;
                (talk, Box::new(ResponsesVoice::new(value, items, self.memory.clone())))
            }
            Provider::Chat => {
                let talk = chat::read(value)?;
                let voice = ChatVoice::new(&talk.model, chat::counts_usage(value));
                (talk, Box::new(voice))
            }
            Provider::Gemini => {
                let talk = gemini::read(value, model, target.stream)?;
                let events = call.parts.uri.query().is_some_and(|query| query.split('&').any(|pair| pair == "alt=sse"));
                let framing = if events { Framing::Events } else { Framing::List };
                (talk, Box::new(GeminiVoice::new(model, framing)))
            }
            Provider::Bedrock => {
                let talk = bedrock::read(value, model, target.stream)?;
                (talk, Box::new(BedrockVoice::default()))
            }
        })
    }

    /// The server's own pages.
    fn own(&self, method: &Method, path: &str, headers: &HeaderMap) -> Response {
        let plain = |status: StatusCode, text: String| {
            let head = Response::builder().status(status).header(header::CONTENT_TYPE, "text/plain; charset=utf-8");
            finish(head, Body::from(text))
        };
        // A page of the web that got a name for this address must not read what agents said.
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        if !is_loopback(host) {
            return plain(StatusCode::MISDIRECTED_REQUEST, format!("{host} is not this server\n"));
        }
        let rest = path.trim_start_matches("/_mock").trim_matches('/');
        match (method.as_str(), rest) {
            ("GET" | "HEAD", "") => plain(StatusCode::OK, self.journal.page()),
            ("GET", "conversations") => with_json(Response::builder(), &self.journal.all()),
            ("DELETE", "conversations" | "") => {
                self.journal.clear();
                self.memory.clear();
                if let Some(script) = &self.script {
                    script.reset();
                }
                finish(Response::builder().status(StatusCode::NO_CONTENT), Body::empty())
            }
            ("GET", other) => {
                let number = other.strip_prefix("conversations/").and_then(|number| number.parse().ok());
                match number.and_then(|number| self.journal.conversation(number)) {
                    Some(body) => with_json(Response::builder(), &body),
                    None => plain(StatusCode::NOT_FOUND, "no such page: try /_mock/conversations\n".to_owned()),
                }
            }
            _ => plain(StatusCode::METHOD_NOT_ALLOWED, "GET shows it, DELETE forgets it\n".to_owned()),
        }
    }
}

async fn read_body(call: &mut Call, body: Body) -> Result<Value, Fault> {
    let wrong = |what: &str| match call.provider {
        Provider::Anthropic => Fault::bad(format!("The request body is not valid JSON: {what}")),
        Provider::Responses | Provider::Chat => Fault::bad(format!(
            "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library \
             correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON: {what})"
        )),
        Provider::Gemini => Fault::bad(format!("Invalid JSON payload received. {what}")),
        Provider::Bedrock => Fault::bad(what).kind("SerializationException"),
    };
    if let Some(encoding) = call.parts.headers.get(header::CONTENT_ENCODING).filter(|value| *value != "identity") {
        let text = format!("content-encoding {} is not understood", String::from_utf8_lossy(encoding.as_bytes()));
        return Err(Fault { status: 415, ..wrong(&text) });
    }
    let bytes = to_bytes(body, BODY_MAX).await.map_err(|_| Fault::new(413, "Request exceeds the maximum size"))?;
    let parsed: Result<Value, _> = serde_json::from_slice(&bytes);
    let result = match parsed {
        Ok(value) if value.is_object() => Ok(value),
        Ok(_) => Err(wrong("an object is expected")),
        Err(error) => Err(wrong(&error.to_string())),
    };
    call.body = bytes;
    result
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The headers that every answer of a provider has.
fn head(provider: Provider, request: &str) -> http::response::Builder {
    let head = Response::builder();
    match provider {
        Provider::Anthropic => head.header("request-id", request).header("anthropic-organization-id", "mock"),
        Provider::Responses | Provider::Chat => head
            .header("x-request-id", request)
            .header("openai-version", "2020-10-01")
            .header("openai-organization", "mock")
            .header("openai-processing-ms", "1"),
        Provider::Gemini => head,
        Provider::Bedrock => head.header("x-amzn-requestid", request),
    }
}

fn refusal(provider: Provider, request: &str, fault: &Fault) -> Response {
    let status = StatusCode::from_u16(fault.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut head = head(provider, request).status(status);
    if let Some(seconds) = fault.retry_after {
        head = head.header(header::RETRY_AFTER, seconds);
    }
    let body = match provider {
        Provider::Anthropic => anthropic::fault_body(fault, request),
        Provider::Responses | Provider::Chat => openai::fault_body(fault),
        Provider::Gemini => gemini::fault_body(fault),
        Provider::Bedrock => {
            head = head.header("x-amzn-errortype", bedrock::kind(fault));
            bedrock::fault_body(fault)
        }
    };
    with_json(head, &body)
}

fn with_json(head: http::response::Builder, body: &Value) -> Response {
    finish(head.header(header::CONTENT_TYPE, "application/json"), Body::from(body.to_string()))
}

/// A reply whose second half never comes.
fn broken(head: http::response::Builder, body: &Value) -> Response {
    let text = body.to_string();
    let half = Bytes::copy_from_slice(&text.as_bytes()[..text.len() / 2]);
    let head = head.header(header::CONTENT_TYPE, "application/json").header(header::CONTENT_LENGTH, text.len());
    let lost = std::io::Error::new(std::io::ErrorKind::ConnectionReset, "the script says so");
    finish(head, Body::from_stream(stream::iter([Ok(half), Err(lost)])))
}

fn finish(head: http::response::Builder, body: Body) -> Response {
    head.body(body).unwrap_or_else(|error| {
        // Only a header that a script wrote can be wrong.
        let mut response = Response::new(Body::from(error.to_string()));
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
