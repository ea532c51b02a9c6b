//! Says of every operation what follows from where it is and what it does: refusals by their codes, headers, links.

use std::collections::{BTreeMap, BTreeSet};

use convene_api::problem::{CONTENT_TYPE, Code, Problem};
use serde_json::{Map, Value, json};

use crate::extract::KEY_MAX;

/// Better names for methods of a client than the handlers have.
const NAMES: &[(&str, &str)] = &[
    ("healthz", "check_health"),
    ("list_events", "stream_list"),
    ("metrics", "get_metrics"),
    ("readyz", "check_ready"),
    ("read_audit", "list_audit"),
    ("server_status", "get_status"),
    ("session_changes", "get_session_changes"),
    ("session_events", "list_session_events"),
    ("session_health", "get_session_health"),
    ("session_history", "get_session_history"),
    ("session_recap", "get_session_recap"),
];

/// What an operation can answer beside what all of its kind can.
const OWN: &[(&str, &[Code])] = &[
    ("answer_elicitation", &[Code::PermissionNotFound, Code::PermissionAlreadyDecided]),
    ("archive_session", &[Code::WrongState]),
    ("authenticate", &[Code::WrongState]),
    ("cancel_turn", &[Code::NothingRunning]),
    ("clear_session", &[Code::WrongState, Code::SessionStopping, Code::SessionArchived]),
    ("create_session", SPEC),
    ("create_thread", SPEC),
    ("decide_permission", &[Code::PermissionNotFound, Code::PermissionAlreadyDecided, Code::PermissionOptionInvalid]),
    ("delete_session", &[Code::WrongState, Code::WorktreeDirty, Code::WorkerUnreachable]),
    ("delete_session_worktree", &[Code::WrongState, Code::WorktreeDirty, Code::WorkerUnreachable]),
    ("delete_thread", &[Code::WrongState]),
    ("drop_queue_entry", &[Code::QueueEntryNotFound]),
    ("edit_queue_entry", &[Code::QueueEntryNotFound, Code::PromptEmpty, Code::PromptTooLarge, Code::PromptNotText]),
    ("fork_session", &[Code::WrongState, Code::PromptEmpty, Code::PromptTooLarge, Code::PromptNotText]),
    ("get_session_changes", &[Code::WorkerUnreachable, Code::WrongState, Code::WorktreeNotGit]),
    ("hibernate_session", &[Code::WrongState, Code::SessionStopping]),
    ("list_directories", &[Code::WorkerUnknown, Code::WorkerUnreachable, Code::CwdMissing, Code::CwdNotAllowed]),
    ("list_session_events", &[Code::CursorTooOld]),
    ("log_in", &[Code::LoginLinkUsed, Code::TokenInvalid]),
    ("patch_session", &[Code::ConfigOptionUnknown, Code::ModelUnknown, Code::SessionStopping, Code::SessionArchived]),
    ("prompt_thread", PROMPT),
    ("repair_session", &[Code::WrongState, Code::SessionDamaged, Code::NothingToRepair]),
    ("resume_session", &[Code::SessionStopping, Code::SessionArchived]),
    ("revoke_token", &[Code::NotFound]),
    ("rewind_session", &[Code::WrongState, Code::SessionStopping, Code::SessionArchived, Code::CursorTooOld]),
    ("rotate_token", &[Code::NotFound]),
    ("send_prompt", PROMPT),
    ("shut_down", &[Code::WrongState]),
    ("stream_list", &[Code::CursorTooOld]),
    ("test_agent", &[Code::AgentUnknown, Code::NoWorker, Code::WorkerUnknown, Code::WorkerUnreachable]),
];

/// What can be wrong with a new session.
const SPEC: &[Code] = &[
    Code::AgentUnknown,
    Code::AgentNotInstalled,
    Code::CwdMissing,
    Code::CwdNotADirectory,
    Code::CwdNotAllowed,
    Code::PromptEmpty,
    Code::PromptTooLarge,
    Code::PromptNotText,
    Code::ThreadNotFound,
    Code::WorkerUnknown,
    Code::WorktreeNotGit,
    Code::NotSupportedYet,
];

/// What can be wrong with a prompt.
const PROMPT: &[Code] = &[
    Code::PromptEmpty,
    Code::PromptTooLarge,
    Code::PromptNotText,
    Code::QueueFull,
    Code::SessionArchived,
    Code::SessionStopping,
    Code::SteerUnsupported,
    Code::WrongState,
];

/// What every request can be refused with, or fail of.
const ALWAYS: &[Code] = &[
    Code::InvalidRequest,
    Code::UnknownField,
    Code::OriginDenied,
    Code::Internal,
    Code::StorageFailed,
    Code::Unavailable,
];

/// What a request that wants a token can be refused with.
const GUARDED: &[Code] = &[Code::AuthRequired, Code::TokenInvalid, Code::ScopeDenied, Code::RateLimited];

/// What a change can be refused with.
const CHANGE: &[Code] = &[Code::BodyTooLarge, Code::IdempotencyConflict, Code::StorageFull, Code::StorageReadonly];

/// What a request about one thing can be refused with.
const OF_SESSION: &[Code] = &[Code::SessionNotFound, Code::SessionAmbiguous, Code::SessionDamaged];

/// An operation as the steps here want it.
struct Operation<'a> {
    path: &'a str,
    method: &'a str,
    body: &'a mut Map<String, Value>,
}

/// Completes all operations of a document.
pub fn complete(document: &mut Value) {
    let bodies = bodies(document);
    document["components"]["headers"] = headers();
    document["components"]["parameters"] = json!({"IdempotencyKey": idempotency_key()});
    let Some(Value::Object(paths)) = document.get_mut("paths") else { return };
    for (path, item) in paths.iter_mut() {
        let Value::Object(item) = item else { continue };
        for (method, body) in item.iter_mut() {
            if let Value::Object(body) = body {
                one(Operation { path, method, body }, &bodies);
            }
        }
    }
    links(paths);
    let mut all = refused();
    let used = serde_json::to_string(&document["paths"]).unwrap_or_default();
    if let Value::Object(all) = &mut all {
        all.retain(|name, _| used.contains(&format!("/responses/{name}\"")));
    }
    document["components"]["responses"] = all;
}

/// The schemas of bodies that must have something in them.
fn bodies(document: &Value) -> BTreeSet<String> {
    let schemas = document.pointer("/components/schemas").and_then(Value::as_object);
    let wants = |schema: &Value| schema["required"].as_array().is_some_and(|fields| !fields.is_empty());
    let all_want = |schema: &Value| {
        schema["oneOf"].as_array().is_some_and(|forms| {
            forms.iter().filter_map(|form| document.pointer(form["$ref"].as_str()?.strip_prefix('#')?)).all(wants)
        })
    };
    let found = schemas.into_iter().flatten();
    let found = found.filter(|(_, schema)| wants(schema) || all_want(schema) || schema["minProperties"].is_u64());
    found.map(|(name, _)| format!("#/components/schemas/{name}")).collect()
}

fn one(mut operation: Operation<'_>, bodies: &BTreeSet<String>) {
    rename(operation.body);
    if is_change(operation.method) {
        let key = json!({"$ref": "#/components/parameters/IdempotencyKey"});
        match operation.body.entry("parameters").or_insert_with(|| json!([])) {
            Value::Array(parameters) => parameters.push(key),
            _ => return,
        }
        // An absent body reads as an empty object, and an empty object may be all that is wanted.
        if let Some(body) = operation.body.get_mut("requestBody") {
            let schema = body.pointer("/content/application~1json/schema/$ref").and_then(Value::as_str);
            body["required"] = schema.is_some_and(|schema| bodies.contains(schema)).into();
        }
    }
    describe_success(&mut operation);
    refusals(&mut operation);
}

fn rename(body: &mut Map<String, Value>) {
    let Some(Value::String(id)) = body.get_mut("operationId") else { return };
    if let Some((_, better)) = NAMES.iter().find(|(name, _)| name == id) {
        *id = (*better).to_owned();
    }
}

/// What every good answer has.
fn describe_success(operation: &mut Operation<'_>) {
    let is_open = is_open(operation.body);
    let is_change = is_change(operation.method);
    let Some(Value::Object(responses)) = operation.body.get_mut("responses") else { return };
    responses.remove("default");
    for (status, response) in responses.iter_mut() {
        if response["description"].as_str().is_none_or(str::is_empty) {
            let words = match status.as_str() {
                "201" => "It is made.",
                "202" => "It is accepted.",
                _ if is_change => "It is done.",
                _ => "It is this.",
            };
            response["description"] = words.into();
        }
        let mut headers = limits(is_open);
        if is_change {
            headers.insert("Idempotency-Replayed".to_owned(), header("Idempotency-Replayed"));
        }
        response["headers"] = headers.into();
    }
}

/// The refusals by their status, each with the codes that it may have.
fn refusals(operation: &mut Operation<'_>) {
    let is_open = is_open(operation.body);
    let id = operation.body.get("operationId").and_then(Value::as_str).unwrap_or_default();
    let mut codes = ALWAYS.to_vec();
    if !is_open {
        codes.extend(GUARDED);
    }
    if is_change(operation.method) {
        codes.extend(CHANGE);
    }
    if operation.path.starts_with("/v1/sessions/{id}") {
        codes.extend(OF_SESSION);
    }
    if operation.path.starts_with("/v1/threads/{id}") {
        codes.push(Code::ThreadNotFound);
    }
    if takes_cursor(operation.body) {
        codes.push(Code::CursorTooOld);
    }
    codes.extend(OWN.iter().filter(|(name, _)| *name == id).flat_map(|(_, own)| own.iter()));
    codes.sort_by_key(|code| code.as_str());
    codes.dedup();
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in codes {
        by_status.entry(code.http_status().unwrap_or(500)).or_default().push(code);
    }
    let Some(Value::Object(responses)) = operation.body.get_mut("responses") else { return };
    for (status, codes) in by_status {
        let words: Vec<String> = codes.iter().map(|code| format!("`{}`", code.as_str())).collect();
        let refusal = json!({
            "$ref": format!("#/components/responses/Refused{status}"),
            "description": format!("Refused: {}.", words.join(", ")),
        });
        responses.insert(status.to_string(), refusal);
    }
}

/// A refusal for each status, with an example.
fn refused() -> Value {
    let mut all = Map::new();
    for code in Code::ALL {
        let Some(status) = code.http_status() else { continue };
        let name = format!("Refused{status}");
        if all.contains_key(&name) {
            continue;
        }
        let mut headers = limits(true);
        match status {
            401 => _ = headers.insert("WWW-Authenticate".to_owned(), header("WWW-Authenticate")),
            429 | 503 => _ = headers.insert("Retry-After".to_owned(), header("Retry-After")),
            _ => {}
        }
        let response = json!({
            "description": "Refused, or failed; `code` says why.",
            "headers": headers,
            "content": {CONTENT_TYPE: {"schema": super::schemas::reference("Problem"), "example": example(status, *code)}},
        });
        all.insert(name, response);
    }
    all.into()
}

/// A refusal as it comes.
fn example(status: u16, code: Code) -> Problem {
    let id = "ses_0193a1b2c3d47e5f8091a2b3c4d5e6f7";
    match status {
        400 => Problem::filled(
            Code::UnknownField,
            [("field", "promt".into()), ("near", "prompt".into()), ("known", json!(["prompt", "title"]))],
        ),
        403 => Problem::filled(
            Code::ScopeDenied,
            [("has", "read".into()), ("needs", "a token with the scope write".into()), ("owner", "robin".into())],
        ),
        404 => Problem::filled(Code::SessionNotFound, [("id", id.into())]),
        409 => Problem::filled(Code::NothingRunning, [("id", id.into())]),
        410 => Problem::new(Code::CursorTooOld, "the cursor is of another log").hint("start from the snapshot"),
        413 => Problem::filled(Code::PromptTooLarge, [("size", "10.4 MB".into()), ("max", "1.0 MB".into())]),
        429 => Problem::filled(Code::RateLimited, [("n", 60_000.into()), ("s", 1.into())]),
        500 => Problem::filled(Code::Internal, [("id", "0193a1b2c3d47e5f8091a2b3c4d5e6f7".into())]),
        501 => Problem::filled(Code::NotSupportedYet, [("what", "repos".into())]),
        503 => Problem::filled(Code::Unavailable, [("state", "stopping".into())]),
        _ => Problem::filled(code, []),
    }
}

/// The headers that tell limits.
fn limits(is_open: bool) -> Map<String, Value> {
    let mut names = vec!["X-Limit-Body", "X-Limit-Prompt", "X-Limit-Queue"];
    if !is_open {
        names.extend(["RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"]);
    }
    names.into_iter().map(|name| (name.to_owned(), header(name))).collect()
}

fn header(name: &str) -> Value {
    json!({"$ref": format!("#/components/headers/{name}")})
}

fn headers() -> Value {
    let number = |text: &str| json!({"description": text, "schema": {"type": "integer", "minimum": 0}});
    json!({
        "Idempotency-Replayed": {
            "description": "The answer is the recorded one of an earlier request with the same key.",
            "schema": {"type": "string", "const": "true"},
        },
        "RateLimit-Limit": number("Requests of this token in a minute."),
        "RateLimit-Remaining": number("Requests that may still be made at once."),
        "RateLimit-Reset": number("Seconds until all of them may be made again."),
        "Retry-After": number("Seconds after which another try may succeed."),
        "WWW-Authenticate": {
            "description": "How to show a token.", "schema": {"type": "string", "examples": ["Bearer"]},
        },
        "X-Limit-Body": number("The largest body, in bytes."),
        "X-Limit-Prompt": number("The largest prompt, in bytes."),
        "X-Limit-Queue": number("Prompts that may wait in a session."),
    })
}

fn idempotency_key() -> Value {
    json!({
        "name": "Idempotency-Key", "in": "header", "required": false,
        "description": "An exact retry with the same key gets the recorded answer with `Idempotency-Replayed: true`; the \
            same key with another body is refused with `idempotency_conflict`. Events that the command causes carry the \
            key as `command`. Visible ASCII, best a UUID.",
        // ASCII that begins and ends with what is no space.
        "schema": {"type": "string", "minLength": 1, "maxLength": KEY_MAX, "pattern": "^[!-~]([ -~]*[!-~])?$"},
    })
}

/// Where a link begins, and what it leads to.
struct Link {
    path: &'static str,
    method: &'static str,
    status: &'static str,
    /// All operations at this path and below it, as far as no other parameter is in between.
    to: &'static str,
    parameters: &'static [(&'static str, &'static str)],
}

const LINKS: &[Link] = &[
    Link {
        path: "/v1/sessions",
        method: "post",
        status: "201",
        to: "/v1/sessions/{id}",
        parameters: &[("id", "$response.body#/session/id")],
    },
    Link {
        path: "/v1/threads",
        method: "post",
        status: "201",
        to: "/v1/threads/{id}",
        parameters: &[("id", "$response.body#/thread/id")],
    },
    Link {
        path: "/v1/tokens",
        method: "post",
        status: "201",
        to: "/v1/tokens/{id}",
        parameters: &[("id", "$response.body#/token/id")],
    },
    Link {
        path: "/v1/sessions/{id}/prompts",
        method: "post",
        status: "202",
        to: "/v1/sessions/{id}/queue/{entry}",
        parameters: &[("id", "$request.path.id"), ("entry", "$response.body#/turn")],
    },
    Link {
        path: "/v1/sessions/{id}/permissions",
        method: "get",
        status: "200",
        to: "/v1/sessions/{id}/permissions/{request}",
        parameters: &[("id", "$request.path.id"), ("request", "$response.body#/items/0/request")],
    },
];

/// From what makes a thing to what can be done with it.
fn links(paths: &mut Map<String, Value>) {
    for link in LINKS {
        let Link { path, method, status, to, parameters } = *link;
        let parameters: BTreeMap<&str, &str> = parameters.iter().copied().collect();
        let mut found = Map::new();
        for (target, item) in paths.iter() {
            let below = target.strip_prefix(to).filter(|rest| rest.is_empty() || rest.starts_with('/'));
            if below.is_none_or(|rest| rest.contains('{')) {
                continue;
            }
            for operation in item.as_object().into_iter().flat_map(Map::values) {
                if let Some(id) = operation.get("operationId").and_then(Value::as_str) {
                    found.insert(id.to_owned(), json!({"operationId": id, "parameters": parameters}));
                }
            }
        }
        let at = paths.get_mut(path).and_then(|p| p.get_mut(method)?.get_mut("responses")?.get_mut(status));
        if let Some(response) = at.filter(|_| !found.is_empty()) {
            response["links"] = found.into();
        }
    }
}

fn is_change(method: &str) -> bool {
    matches!(method, "post" | "patch" | "delete" | "put")
}

/// Whether it wants no token.
fn is_open(body: &Map<String, Value>) -> bool {
    body.get("security").and_then(Value::as_array).is_some_and(|all| all.iter().any(|way| *way == json!({})))
}

fn takes_cursor(body: &Map<String, Value>) -> bool {
    let parameters = body.get("parameters").and_then(Value::as_array);
    parameters.is_some_and(|all| all.iter().any(|p| p["name"] == "cursor" || p["name"] == "epoch"))
}
