//! Who may come in: tokens, scopes, hosts, origins, login links, on TCP and on the unix socket alike.

mod support;

use convene_api::{
    body::{CreateSession, PromptInput},
    client::CommandKey,
};
use convene_core::ids::SessionId;
use serde_json::json;
use support::{Server, http::Request, socket::Socket, worker::Worker};

fn status(server: &Server) -> Request {
    Request::new("GET", "/v1/status").token(&server.token)
}

#[tokio::test]
async fn every_route_wants_a_token_but_signs_of_life_and_the_page() {
    let server = support::start().await;
    for path in ["/healthz", "/readyz", "/"] {
        let answer = Request::new("GET", path).send(&server).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
    }
    for path in [
        "/v1/status",
        "/v1/sessions",
        "/v1/events",
        "/v1/ws",
        "/metrics",
        "/openapi.json",
        "/nowhere",
        "/v1/uplink/runner",
    ] {
        let request = Request::new("GET", path);
        assert_eq!(request.send(&server).await.code(), "auth_required", "{path}");
        assert_eq!(request.send_local(&server).await.code(), "auth_required", "{path}");
        let foreign = request.token("cvo_0123456789abcdef0123456789abcdef");
        assert_eq!(foreign.send(&server).await.code(), "token_invalid", "{path}");
        assert_eq!(foreign.send_local(&server).await.code(), "token_invalid", "{path}");
    }
    assert_eq!(status(&server).send(&server).await.status, 200);
    assert_eq!(status(&server).send_local(&server).await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn names_and_origins_of_others_are_refused_with_and_without_a_token() {
    let server = support::start().await;
    let own = format!("http://{}", server.info.addr);
    let port = server.info.addr.port();
    let refused: &[(&str, &str)] = &[
        ("host", "evil.example"),
        ("host", "evil.example:4747"),
        ("host", "localhost.evil.example"),
        ("host", "0.0.0.0"),
        ("host", &format!("0.0.0.0:{port}")),
        ("host", "127.0.0.1.nip.example"),
        ("host", ""),
        ("origin", "http://evil.example"),
        ("origin", "null"),
        ("origin", "http://localhost:1"),
        ("origin", &format!("https://127.0.0.1:{port}")),
        ("origin", &format!("{own}.evil.example")),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ];
    for (name, value) in refused {
        let answer = status(&server).header(name, value).send(&server).await;
        assert_eq!(answer.code(), "origin_denied", "{name}: {value}");
        assert_eq!(answer.status, 403);
        // No name leads a browser to the unix socket.
        let local = status(&server).header(name, value).send_local(&server).await;
        let wanted = if *name == "host" { 200 } else { 403 };
        assert_eq!(local.status, wanted, "{name}: {value}: {local:?}");
        assert!(!answer.headers.contains_key("access-control-allow-origin"));
    }
    for (name, value) in [
        ("host", format!("localhost:{port}")),
        ("host", "[::1]:80".to_owned()),
        ("origin", own),
        ("sec-fetch-site", "same-origin".to_owned()),
    ] {
        let answer = status(&server).header(name, &value).send(&server).await;
        assert_eq!(answer.status, 200, "{name}: {value}: {answer:?}");
    }
    for origin in ["http://evil.example", "null"] {
        assert!(Socket::open_at(&server, "/v1/ws", &server.token, &[("origin", origin)]).await.is_err(), "{origin}");
    }
    // Configured origins bring their host along.
    server.stop().await;
    let server = support::start_with(|config| config.origins = vec!["https://convene.example/".to_owned()]).await;
    let behind_proxy = status(&server).header("host", "convene.example").header("origin", "https://convene.example");
    assert_eq!(behind_proxy.send(&server).await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn a_simple_request_of_another_page_changes_nothing() {
    let server = support::start().await;
    let cookie = log_in(&server).await;
    let body = json!({"prompt": "evil"}).to_string().into_bytes();
    // What a page may send to another origin without asking first.
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
        let forged = Request::new("POST", "/v1/sessions").header("cookie", &cookie).body(kind, body.clone());
        assert_eq!(
            forged.clone().header("origin", "http://localhost:3000").send(&server).await.code(),
            "origin_denied"
        );
        assert_eq!(forged.send(&server).await.code(), "invalid_request");
    }
    let sessions = Request::new("GET", "/v1/sessions?archived=any").token(&server.token).send(&server).await.json();
    assert_eq!(sessions["items"], json!([]));
    server.stop().await;
}

#[tokio::test]
async fn a_login_link_opens_once() {
    let server = support::start().await;
    let cookie = log_in(&server).await;
    let answer = Request::new("GET", "/v1/status").header("cookie", &format!("a=b; {cookie}")).send(&server).await;
    assert_eq!(answer.status, 200);
    let token = json!({"token": server.info.login_token});
    let again = Request::new("POST", "/v1/login").json(&token).send(&server).await;
    assert_eq!((again.status, again.code().as_str()), (410, "login_link_used"));
    let unknown = Request::new("POST", "/v1/login").json(&json!({"token": "x"})).send(&server).await;
    assert_eq!(unknown.code(), "token_invalid");
    // The owner makes another one.
    let link = Request::new("POST", "/v1/login/links").token(&server.token).send(&server).await;
    assert_eq!(link.status, 201);
    let path = link.json()["path"].as_str().unwrap().to_owned();
    let token = json!({"token": path.strip_prefix("/#t=").unwrap()});
    assert_eq!(Request::new("POST", "/v1/login").json(&token).send(&server).await.status, 200);
    // A cookie that somebody made up.
    let forged = cookie.replace('b', "c");
    let forged = Request::new("GET", "/v1/status").header("cookie", &forged).send(&server).await;
    assert_ne!(forged.status, 200);
    server.stop().await;
}

/// Takes the server's own link; the cookie as a browser sends it back.
async fn log_in(server: &Server) -> String {
    let token = json!({"token": server.info.login_token});
    let own = format!("http://{}", server.info.addr);
    let answer = Request::new("POST", "/v1/login").json(&token).header("origin", &own).send(server).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let cookie = answer.headers.get("set-cookie").unwrap();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    cookie.split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn an_attempt_reads_its_own_session_and_nothing_else() {
    let server = support::start().await;
    let client = server.client();
    let mut worker = Worker::connect(&server).await;
    let prompt = || CreateSession { prompt: Some(PromptInput::Text("hi".to_owned())), ..CreateSession::default() };
    client.create_session(&prompt(), &CommandKey::fresh()).await.unwrap();
    let start = worker.take_start().await;
    let other = client.create_session(&prompt(), &CommandKey::fresh()).await.unwrap().session.id;
    let get = |path: String| Request::new("GET", &path).token(&start.token);
    let own = start.session;
    for path in ["", "/events", "/queue", "/permissions", "/health", "/history"] {
        let answer = get(format!("/v1/sessions/{own}{path}")).send(&server).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
    }
    let denied = [
        get(format!("/v1/sessions/{other}")),
        get("/v1/sessions".to_owned()),
        get("/v1/tokens".to_owned()),
        get("/v1/ws".to_owned()),
        get("/v1/uplink/worker".to_owned()),
        get(format!("/v1/sessions/{own}/../{other}")),
        Request::new("POST", &format!("/v1/sessions/{own}/prompts")).token(&start.token).json(&json!({"content": "x"})),
        Request::new("POST", &format!("/v1/sessions/{own}/stop")).token(&start.token),
        Request::new("DELETE", &format!("/v1/sessions/{own}")).token(&start.token),
        Request::new("POST", "/v1/shutdown").token(&start.token),
        Request::new("GET", "/v1/status").token(&server.info.worker_token),
    ];
    for request in denied {
        assert_eq!(request.send(&server).await.code(), "scope_denied");
    }
    // A token for another session with this one's code.
    let forged = start.token.replace(&own.uuid().simple().to_string(), &other.uuid().simple().to_string());
    assert_ne!(forged, start.token);
    assert_eq!(
        Request::new("GET", &format!("/v1/sessions/{other}")).token(&forged).send(&server).await.code(),
        "token_invalid"
    );
    // It ends with its attempt.
    worker.ended(own, start.attempt).await;
    assert_eq!(get(format!("/v1/sessions/{own}")).send(&server).await.code(), "token_invalid");
    server.stop().await;
}

#[tokio::test]
async fn a_process_of_an_attempt_gets_nothing_with_the_owners_token() {
    let server = support::start_with(|config| config.is_attempt_process = |_| true).await;
    assert_eq!(status(&server).send_local(&server).await.code(), "scope_denied");
    server.stop().await;
}

#[tokio::test]
async fn api_tokens_work_until_they_are_revoked_or_expire() {
    let server = support::start().await;
    let key = |request: Request| request.header("idempotency-key", "one");
    let make = key(Request::new("POST", "/v1/tokens").token(&server.token).json(&json!({"name": "ci"})));
    let (first, second) = (make.send(&server).await, make.send(&server).await);
    assert_eq!((first.status, &first.body), (201, &second.body), "a retry gets the same secret");
    assert_eq!(second.headers.get("idempotency-replayed").unwrap(), "true");
    let made = first.json();
    let (id, secret) = (made["token"]["id"].as_str().unwrap(), made["secret"].as_str().unwrap());
    let with = Request::new("GET", "/v1/tokens").token(secret);
    let listed = with.send(&server).await;
    assert_eq!(listed.json()["items"].as_array().unwrap().len(), 1);
    assert!(!listed.body.contains(secret));
    // It is nowhere on the disk.
    for file in ["convene.db", "convene.db-wal"] {
        let stored = std::fs::read(server.dir.join(file)).unwrap();
        assert!(!stored.windows(secret.len()).any(|w| w == secret.as_bytes()), "{file}");
    }
    let revoke = Request::new("DELETE", &format!("/v1/tokens/{id}")).token(&server.token).send(&server).await;
    assert_eq!(revoke.status, 200, "{revoke:?}");
    assert_eq!(with.send(&server).await.code(), "token_invalid");
    let worker = Request::new("POST", "/v1/tokens").token(&server.token).json(&json!({"scope": "worker"}));
    let worker = worker.send(&server).await.json()["secret"].as_str().unwrap().to_owned();
    assert_eq!(Request::new("GET", "/v1/sessions").token(&worker).send(&server).await.code(), "scope_denied");
    assert!(Socket::open_at(&server, "/v1/uplink/worker", &worker, &[]).await.is_ok());
    server.stop().await;
}

#[tokio::test]
async fn keys_are_the_owners_alone_and_outlive_the_server() {
    use std::os::unix::fs::PermissionsExt as _;
    let server = support::start().await;
    let mode = |path: &str| std::fs::metadata(server.dir.join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(""), 0o700);
    assert_eq!(mode("auth"), 0o700);
    for file in ["auth/secret", "auth/token", "server.sock", "server.lock"] {
        assert_eq!(mode(file), 0o600, "{file}");
    }
    let (token, dir) = (server.token.clone(), server.dir.clone());
    let home = server.stop().await.unwrap();
    let again = support::start_in(support::config(home.path())).await.unwrap();
    assert_eq!((&again.token, &again.dir), (&token, &dir));
    again.stop().await;
}

#[tokio::test]
async fn unknown_sessions_are_not_found() {
    let server = support::start().await;
    let id = SessionId::new(uuid::Uuid::now_v7());
    let answer = status(&server).send(&server).await;
    assert_eq!(answer.headers.get("cache-control").unwrap(), "no-store");
    let answer = Request::new("GET", &format!("/v1/sessions/{id}")).token(&server.token).send(&server).await;
    assert_eq!((answer.status, answer.code().as_str()), (404, "session_not_found"));
    server.stop().await;
}
