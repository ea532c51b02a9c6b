//! The words for what requests ask: of our own only, so that a text which somebody put into a path is in no log.

use axum::http::Method;
use convene_core::catalogue::nearest;

/// What a path begins with.
const THINGS: &[&str] = &[
    "agents", "audit", "blobs", "chat", "config", "doctor", "events", "login", "logout", "prune", "sessions",
    "shutdown", "threads", "tokens", "uplink", "workers",
];
/// What stands in a path below it.
const PARTS: &[&str] = &[
    "archive",
    "auth",
    "cancel",
    "changes",
    "clear",
    "dirs",
    "elicitations",
    "events",
    "export",
    "fork",
    "health",
    "hibernate",
    "history",
    "links",
    "permissions",
    "prompts",
    "queue",
    "recap",
    "repair",
    "resume",
    "rewind",
    "rotate",
    "runner",
    "sign-in",
    "stop",
    "stream",
    "test",
    "transcript",
    "unarchive",
    "worker",
    "worktree",
];
/// What is done, where the path does not say so itself.
const VERBS: &[&str] = &["answer", "connect", "create", "delete", "read", "update"];
/// What is asked of paths that are none of ours.
const OTHER: &str = "other";
const METHODS: &[&str] = &["delete", "get", "head", "options", "patch", "post", "put", "request"];

/// What a request asks for, and what it is about. Only words of our own and ids get into the log, so that a text which
/// somebody put into a path does not.
pub fn asked(method: &Method, path: &str) -> (String, Option<String>) {
    let other = || {
        let known =
            [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
        let verb = known.iter().find(|known| *known == method).map_or("request", Method::as_str);
        (format!("{OTHER}.{}", verb.to_ascii_lowercase()), None)
    };
    let Some(rest) = path.strip_prefix("/v1/") else { return other() };
    let mut segments = rest.split('/');
    let Some(thing) = segments.next().filter(|thing| THINGS.contains(thing)) else { return other() };
    let mut words = vec![thing];
    let mut object = None;
    let mut is_one = false;
    for segment in segments.take(4) {
        if PARTS.contains(&segment) {
            words.push(segment);
            is_one = false;
        } else {
            is_one = true;
            object = object.or_else(|| is_id(segment).then(|| segment.to_owned()));
        }
    }
    let verb = match *method {
        Method::GET | Method::HEAD => Some("read"),
        Method::PATCH | Method::PUT => Some("update"),
        Method::DELETE => Some("delete"),
        Method::POST if is_one => Some("answer"),
        Method::POST if words.len() == 1 && !matches!(thing, "login" | "logout" | "shutdown") => Some("create"),
        _ => None,
    };
    words.extend(verb);
    (words.join("."), object)
}

/// Whether a segment is an id of ours: three letters and a UUID.
fn is_id(segment: &str) -> bool {
    let Some((prefix, rest)) = segment.split_once('_') else { return false };
    prefix.len() == 3 && prefix.bytes().all(|b| b.is_ascii_lowercase()) && uuid::Uuid::try_parse(rest).is_ok()
}

/// Nothing if requests can be called so, or begin so; else why not, and the nearest that they can.
pub fn unknown(action: &str) -> Option<(String, Option<String>)> {
    let mut before: Vec<&str> = Vec::new();
    for word in action.split('.') {
        let known: Vec<&str> = match before.first() {
            None => THINGS.iter().copied().chain([OTHER]).collect(),
            Some(&OTHER) => METHODS.to_vec(),
            Some(_) => PARTS.iter().chain(VERBS).copied().collect(),
        };
        if !known.contains(&word) {
            let near = nearest(word, known.iter().copied()).first().copied();
            let near = near.map(|near| before.iter().copied().chain([near]).collect::<Vec<_>>().join("."));
            return Some((format!("nothing is called {action:?} in the audit log"), near));
        }
        before.push(word);
    }
    None
}
