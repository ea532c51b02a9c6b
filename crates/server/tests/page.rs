//! What a browser meets: the dashboard's shell and files, the way in and out, the socket of the page's own origin, and
//! answers in the form that browsers take.

mod support;

use std::io::Read as _;

use convene_api::{
    body::{CreateSession, PromptInput},
    client::CommandKey,
};
use convene_server::{PageContent, PageFile};
use serde_json::{Value, json};
use support::{SOON, Server, http::Request, socket::Socket};
use tokio::{io::AsyncReadExt as _, time::timeout};

const FILES: &[PageFile] = &[
    PageFile {
        path: "/index.html",
        kind: "text/html; charset=utf-8",
        hash: "1",
        content: PageContent::Plain(
            b"<meta property=\"csp-nonce\" nonce=\"__NONCE__\"><script src=\"/assets/a-1.js\">",
        ),
    },
    PageFile {
        path: "/assets/a-1.js",
        kind: "text/javascript; charset=utf-8",
        hash: "2",
        content: PageContent::Plain(b"script"),
    },
    PageFile {
        path: "/sw.js",
        kind: "text/javascript; charset=utf-8",
        hash: "3",
        content: PageContent::Plain(b"work"),
    },
];

const HTML: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

async fn with_page() -> Server {
    support::start_with(|config| config.page = FILES).await
}

fn goes_to(path: &str) -> Request {
    Request::new("GET", path).header("accept", HTML).header("sec-fetch-mode", "navigate")
}

/// What stands between two marks.
fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    text.split_once(from).and_then(|(_, rest)| rest.split_once(to)).unwrap_or_else(|| panic!("{from} in {text}")).0
}

#[tokio::test]
async fn every_place_is_the_shell_with_a_nonce_of_its_own() {
    let server = with_page().await;
    let mut nonces = Vec::new();
    for path in ["/", "/s/ses_1?at=4", "/new", "/workers", "/agents", "/settings", "/about", "/"] {
        // Also by a link on somebody else's page, and to somebody without a token: there is nothing in it.
        let answer = goes_to(path).header("sec-fetch-site", "cross-site").send(&server).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        let nonce = between(&answer.body, "nonce=\"", "\"");
        assert!(nonce.len() == 32 && nonce.bytes().all(|b| b.is_ascii_hexdigit()), "{nonce}");
        let policy = &answer.headers["content-security-policy"];
        assert_eq!(between(policy, "'nonce-", "'"), nonce);
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert_eq!(answer.headers["content-type"], "text/html; charset=utf-8");
        nonces.push(nonce.to_owned());
    }
    nonces.sort();
    nonces.dedup();
    assert_eq!(nonces.len(), 8, "none comes twice");
    server.stop().await;
}

#[tokio::test]
async fn files_are_kept_by_their_names_and_what_is_not_there_is_not_found() {
    let server = with_page().await;
    let script = Request::new("GET", "/assets/a-1.js").header("sec-fetch-site", "same-origin").send(&server).await;
    assert_eq!((script.status, script.body.as_str()), (200, "script"));
    assert_eq!(script.headers["cache-control"], "public, max-age=31536000, immutable");
    assert_eq!(script.headers["content-type"], "text/javascript; charset=utf-8");
    let worker = Request::new("GET", "/sw.js").send(&server).await;
    assert_eq!(worker.headers["cache-control"], "no-cache");
    let again = Request::new("GET", "/sw.js").header("if-none-match", &worker.headers["etag"]).send(&server).await;
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    // Another page may not load them, so it does not learn which version this is.
    let other = Request::new("GET", "/assets/a-1.js").header("sec-fetch-site", "cross-site").send(&server).await;
    assert_eq!(other.code(), "origin_denied");
    for path in ["/assets/old-0.js", "/favicon.ico", "/page.js"] {
        assert_eq!(goes_to(path).send(&server).await.code(), "auth_required", "{path}");
        let known = goes_to(path).token(&server.token).send(&server).await;
        assert_eq!((known.status, known.code().as_str()), (404, "not_found"), "{path}");
    }
    // What is asked for as data is no place.
    let data = Request::new("GET", "/workers").header("accept", "application/json").token(&server.token);
    assert_eq!(data.send(&server).await.code(), "not_found");
    assert_eq!(Request::new("POST", "/workers").header("accept", HTML).send(&server).await.code(), "auth_required");
    assert_eq!(goes_to("/v1/nowhere").send(&server).await.code(), "auth_required");
    server.stop().await;
}

#[tokio::test]
async fn without_the_dashboard_a_small_page_says_so() {
    let server = support::start().await;
    for path in ["/", "/s/ses_1"] {
        let page = goes_to(path).send(&server).await;
        assert!(page.status == 200 && page.body.contains("without the dashboard"), "{page:?}");
        assert_eq!(
            between(&page.headers["content-security-policy"], "'nonce-", "'"),
            between(&page.body, "nonce=\"", "\"")
        );
        assert!(!page.body.contains("http"), "nothing from elsewhere");
    }
    server.stop().await;
}

/// A browser's cookie by a login link.
async fn log_in(server: &Server, link: &str) -> String {
    let own = format!("http://{}", server.info.addr);
    let answer =
        Request::new("POST", "/v1/login").json(&json!({"token": link})).header("origin", &own).send(server).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.headers["set-cookie"].split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn the_pages_own_socket_opens_with_the_cookie_and_nobody_elses_does() {
    let server = with_page().await;
    let cookie = log_in(&server, &server.info.login_token).await;
    let own = format!("http://{}", server.info.addr);
    let open = async |headers: &[(&'static str, &str)]| Socket::open_at(&server, "/v1/ws", "", headers).await;
    let mut socket = open(&[("cookie", &cookie), ("origin", &own), ("sec-fetch-site", "same-origin")]).await.unwrap();
    let hello = socket.next().await;
    assert_eq!((&hello["type"], &hello["epoch"]), (&json!("hello"), &json!(server.info.epoch)));
    assert!(hello["version"].is_string() && hello["server_time"].is_string(), "{hello}");
    socket.subscribe("list", None).await;
    assert_eq!(socket.next().await["type"], "caught_up");
    let refused = |result: Result<Socket, tokio_tungstenite::tungstenite::Error>| match result {
        Err(tokio_tungstenite::tungstenite::Error::Http(answer)) => answer.status().as_u16(),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it opened"),
    };
    assert_eq!(refused(open(&[("cookie", &cookie), ("origin", "http://evil.example")]).await), 403);
    assert_eq!(refused(open(&[("cookie", &cookie), ("origin", "http://localhost:1")]).await), 403);
    assert_eq!(refused(open(&[("cookie", &cookie), ("sec-fetch-site", "cross-site")]).await), 403);
    assert_eq!(refused(open(&[("origin", &own)]).await), 401);
    server.stop().await;
}

#[tokio::test]
async fn who_logs_out_is_out_everywhere_and_stays_so() {
    let server = with_page().await;
    let first = log_in(&server, &server.info.login_token).await;
    let link = Request::new("POST", "/v1/login/links").token(&server.token).send(&server).await.json();
    let second = log_in(&server, link["path"].as_str().unwrap().strip_prefix("/#t=").unwrap()).await;
    let own = format!("http://{}", server.info.addr);
    let mut socket = Socket::open_at(&server, "/v1/ws", "", &[("cookie", &first), ("origin", &own)]).await.unwrap();
    assert_eq!(socket.next().await["type"], "hello");
    let out = |cookie: &str| Request::new("POST", "/v1/logout").header("cookie", cookie).header("origin", &own);
    let forged = Request::new("POST", "/v1/logout").header("cookie", &first).header("origin", "http://evil.example");
    assert_eq!(forged.send(&server).await.code(), "origin_denied");
    let answer = out(&first).send(&server).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let name = first.split('=').next().unwrap();
    let gone = &answer.headers["set-cookie"];
    assert!(gone.starts_with(&format!("{name}=;")) && gone.contains("Max-Age=0") && gone.contains("Path=/"), "{gone}");
    // A copy of the cookie is worth nothing, and what was open is closed.
    let with = |cookie: &str| Request::new("GET", "/v1/status").header("cookie", cookie);
    assert_eq!(with(&first).send(&server).await.code(), "token_invalid");
    assert_eq!(out(&first).send(&server).await.code(), "token_invalid");
    let close = socket.next().await;
    assert!(close["close"][1].as_str().is_some_and(|reason| reason.starts_with("unauthorized")), "{close}");
    assert_eq!(with(&second).send(&server).await.status, 200, "the other browser stays");
    // Whoever has a token of another kind keeps it.
    assert_eq!(Request::new("POST", "/v1/logout").token(&server.token).send(&server).await.status, 200);
    assert_eq!(Request::new("GET", "/v1/status").token(&server.token).send(&server).await.status, 200);
    let addr = server.info.addr;
    let home = server.stop().await.unwrap();
    let mut config = support::config(home.path());
    config.bind = addr;
    let server = support::start_in(config).await.unwrap();
    assert_eq!(with(&first).send(&server).await.code(), "token_invalid", "also after a restart");
    assert_eq!(with(&second).send(&server).await.status, 200);
    server.stop().await;
}

/// An answer's head, and its body as it came over the wire.
async fn raw(server: &Server, request: Request) -> (String, Vec<u8>) {
    let mut stream = request.token(&server.token).open(server).await;
    let mut bytes = Vec::new();
    timeout(SOON, stream.read_to_end(&mut bytes)).await.unwrap().unwrap();
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    (String::from_utf8(bytes[..end].to_vec()).unwrap(), unchunked(&bytes[..end], &bytes[end + 4..]))
}

fn unchunked(head: &[u8], body: &[u8]) -> Vec<u8> {
    if !String::from_utf8_lossy(head).contains("transfer-encoding: chunked") {
        return body.to_vec();
    }
    let (mut rest, mut whole) = (body, Vec::new());
    while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        whole.extend_from_slice(&rest[end + 2..end + 2 + size]);
        rest = &rest[(end + 4 + size).min(rest.len())..];
    }
    whole
}

#[tokio::test]
async fn large_answers_are_compressed_for_who_takes_that_and_streams_are_not() {
    let server = support::start().await;
    let body = CreateSession { prompt: Some(PromptInput::Text("hi".to_owned())), ..CreateSession::default() };
    for _ in 0..5 {
        server.client().create_session(&body, &CommandKey::fresh()).await.unwrap();
    }
    let get = |path: &str| Request::new("GET", path).header("accept-encoding", "gzip, deflate, br");
    let (head, plain) = raw(&server, Request::new("GET", "/v1/sessions")).await;
    assert!(!head.contains("content-encoding"), "{head}");
    let (head, packed) = raw(&server, get("/v1/sessions")).await;
    assert!(head.contains("content-encoding: gzip") && head.contains("vary: accept-encoding"), "{head}");
    assert!(packed.len() * 3 < plain.len(), "{} of {}", packed.len(), plain.len());
    let mut text = String::new();
    flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut text).unwrap();
    // Sessions learn between two answers why they wait.
    let ids = |text: &str| -> Vec<Value> {
        let page: Value = serde_json::from_str(text).unwrap();
        page["items"].as_array().unwrap().iter().map(|session| session["id"].clone()).collect()
    };
    assert_eq!(ids(&text), ids(std::str::from_utf8(&plain).unwrap()));
    let (head, _) = raw(&server, get("/v1/threads?limit=1")).await;
    assert!(!head.contains("content-encoding"), "it is small: {head}");
    // The first event comes at once, and as it is.
    let mut stream =
        get("/v1/events?after=0").header("accept", "text/event-stream").token(&server.token).open(&server).await;
    let mut seen = String::new();
    let first = async {
        while !seen.contains("\ndata: {") {
            let mut bytes = [0; 4096];
            let read = stream.read(&mut bytes).await.unwrap();
            assert!(read > 0, "it ended: {seen}");
            seen.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
        }
    };
    timeout(SOON, first).await.unwrap();
    assert!(!seen.contains("content-encoding"), "{seen}");
    server.stop().await;
}

#[tokio::test]
async fn what_can_be_read_can_be_asked_for_without_its_body() {
    let server = with_page().await;
    let created = server.client().create_session(&CreateSession::default(), &CommandKey::fresh()).await.unwrap();
    let id = created.session.id;
    for path in [
        "/",
        "/assets/a-1.js",
        "/healthz",
        "/openapi.json",
        "/metrics",
        "/v1/status",
        "/v1/sessions",
        "/v1/agents",
        "/v1/workers",
        "/v1/config",
        &format!("/v1/sessions/{id}"),
        &format!("/v1/sessions/{id}/events"),
        &format!("/v1/sessions/{id}/queue"),
        &format!("/v1/sessions/{id}/history"),
    ] {
        let ask = async |method: &str| Request::new(method, path).token(&server.token).send(&server).await;
        let (head, whole) = (ask("HEAD").await, ask("GET").await);
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}: {head:?}");
        assert_eq!(head.headers["content-type"], whole.headers["content-type"], "{path}");
        assert!(!whole.body.is_empty(), "{path}");
    }
    let none = Request::new("HEAD", "/v1/sessions/ses_f").token(&server.token).send(&server).await;
    assert_eq!((none.status, none.body.as_str()), (404, ""));
    server.stop().await;
}
