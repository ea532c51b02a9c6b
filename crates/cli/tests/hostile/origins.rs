//! Pages, names and tokens that are not the owner's.

use anyhow::{Result, ensure};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::door::{Door, UPGRADE, read_head};

const POST: &str = "POST /v1/sessions HTTP/1.1";

#[tokio::test]
async fn no_token() -> Result<()> {
    let door = Door::open().await?;
    door.send(&[POST], &door.evil()).await?.is_refused("no token", 401, "auth_required")?;
    let answer = door.send(&["GET /v1/sessions HTTP/1.1"], "").await?;
    ensure!(answer.head.contains("www-authenticate: bearer"), "{answer:?}");
    door.was_denied("auth_required").await?;
    door.close_untouched().await
}

#[tokio::test]
async fn wrong_tokens() -> Result<()> {
    let door = Door::open().await?;
    let mut almost = door.token.clone();
    let last = almost.pop();
    almost.push(if last == Some('0') { '1' } else { '0' });
    let shorter = &door.token[..door.token.len() - 1];
    let upper = door.token.to_uppercase();
    let long = "x".repeat(4000);
    for wrong in [almost.as_str(), shorter, &upper, "cvo_", "_", "cvt_1_2", "cvb_99999999999_0_00", &long] {
        let line = format!("Authorization: Bearer {wrong}");
        door.send(&[POST, &line], &door.evil()).await?.is_refused(wrong, 401, "token_invalid")?;
    }
    // Another scheme is no token at all, and neither is an empty one.
    let basic = format!("Authorization: Basic {}", door.token);
    door.send(&[POST, &basic], &door.evil()).await?.is_refused("basic", 401, "auth_required")?;
    let bare = format!("Authorization: {}", door.token);
    door.send(&[POST, &bare], &door.evil()).await?.is_refused("bare", 401, "auth_required")?;
    let cookie = format!("Cookie: {}x", door.cookie);
    door.send(&[POST, &cookie], &door.evil()).await?.is_refused("cookie", 401, "token_invalid")?;
    let other = format!("Cookie: convene_1={}", door.token);
    door.send(&[POST, &other], &door.evil()).await?.is_refused("another server's cookie", 401, "auth_required")?;
    door.was_denied("token_invalid").await?;
    door.close_untouched().await
}

#[tokio::test]
async fn a_token_in_the_address_is_none() -> Result<()> {
    let door = Door::open().await?;
    for name in ["token", "access_token", "t", "key"] {
        let line = format!("POST /v1/sessions?{name}={} HTTP/1.1", door.token);
        door.send(&[&line], &door.evil()).await?.is_refused(name, 401, "auth_required")?;
        let line = format!("GET /v1/events?{name}={} HTTP/1.1", door.token);
        door.send(&[&line, "Accept: text/event-stream"], "").await?.is_refused(name, 401, "auth_required")?;
    }
    // And it is not put down either.
    let audit = serde_json::to_string(&door.audit().await?)?;
    ensure!(!audit.contains(&door.token), "the audit log has the token");
    door.close_untouched().await
}

#[tokio::test]
async fn names_of_others_in_host() -> Result<()> {
    let door = Door::open().await?;
    let (bearer, port) = (door.bearer(), door.port);
    let hosts = [
        "evil.example".to_owned(),
        format!("evil.example:{port}"),
        "0.0.0.0".to_owned(),
        format!("0.0.0.0:{port}"),
        "0".to_owned(),
        "127.1".to_owned(),
        "2130706433".to_owned(),
        "0x7f000001".to_owned(),
        "127.0.0.2".to_owned(),
        "[::]".to_owned(),
        "[::ffff:127.0.0.1]".to_owned(),
        "localhost.".to_owned(),
        "localhost:evil".to_owned(),
        format!("localhost:{port}:{port}"),
        format!("127.0.0.1:{port}@evil.example"),
        format!("evil.example@127.0.0.1:{port}"),
        "127.0.0.1, evil.example".to_owned(),
        "127.0.0.1\tevil.example".to_owned(),
        " ".to_owned(),
    ];
    for host in hosts {
        let line = format!("Host: {host}");
        let answer = door.send(&[POST, &line, &bearer], &door.evil()).await?;
        // What is no host at all may already be refused by the HTTP layer.
        ensure!(answer.status == 400 || answer.code() == "origin_denied", "{host:?}: {answer:?}");
    }
    let two = ["Host: 127.0.0.1", "Host: evil.example"];
    let answer = door.send(&[POST, two[0], two[1], &bearer], &door.evil()).await?;
    ensure!(matches!(answer.status, 400 | 403), "two hosts: {answer:?}");
    let none = format!("POST /v1/sessions HTTP/1.1\r\n{bearer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let answer = door.raw(none.as_bytes()).await?;
    ensure!(matches!(answer.status, 400 | 403), "no host: {answer:?}");
    door.was_denied("origin_denied").await?;
    door.close_untouched().await
}

/// HTTP lets a request name its server in its first line, too, and then `Host` counts for nothing.
#[tokio::test]
async fn a_name_in_the_request_line() -> Result<()> {
    let door = Door::open().await?;
    let bearer = door.bearer();
    for target in ["http://evil.example/v1/sessions", "http://evil.example@127.0.0.1/v1/sessions"] {
        let line = format!("POST {target} HTTP/1.1");
        let answer = door.send(&[&line, &bearer], &door.evil()).await?;
        ensure!(matches!(answer.status, 400 | 403), "{target}: {answer:?}");
    }
    for line in ["CONNECT evil.example:443 HTTP/1.1", "OPTIONS * HTTP/1.1", "GET evil.example HTTP/1.1"] {
        let answer = door.send(&[line, &bearer], "").await?;
        ensure!(answer.status >= 400 || answer.status == 0, "{line}: {answer:?}");
    }
    door.close_untouched().await
}

#[tokio::test]
async fn origins_of_others() -> Result<()> {
    let door = Door::open().await?;
    let (bearer, cookie) = (door.bearer(), format!("Cookie: {}", door.cookie));
    let port = door.port;
    let origins = [
        "https://evil.example".to_owned(),
        "null".to_owned(),
        "NULL".to_owned(),
        "file://".to_owned(),
        format!("https://127.0.0.1:{port}"),
        format!("http://localhost:{port}"),
        "http://127.0.0.1".to_owned(),
        "http://127.0.0.1:1".to_owned(),
        "http://127.0.0.1.evil.com".to_owned(),
        "http://localhost.evil".to_owned(),
        format!("http://0.0.0.0:{port}"),
        format!("http://[::1]:{port}"),
        format!("http://127.0.0.1:{port} http://evil.example"),
        "chrome-extension://abcdefghijklmnopabcdefghijklmnop".to_owned(),
    ];
    for origin in origins {
        let line = format!("Origin: {origin}");
        for shown in [&bearer, &cookie] {
            door.send(&[POST, &line, shown], &door.evil()).await?.is_refused(&origin, 403, "origin_denied")?;
        }
    }
    let two = [POST, "Origin: https://evil.example", &format!("Origin: http://127.0.0.1:{port}"), &bearer];
    door.send(&two, &door.evil()).await?.is_refused("two origins", 403, "origin_denied")?;
    for site in ["cross-site", "same-site"] {
        let line = format!("Sec-Fetch-Site: {site}");
        door.send(&[POST, &line, &cookie], &door.evil()).await?.is_refused(site, 403, "origin_denied")?;
    }
    door.was_denied("origin_denied").await?;
    door.close_untouched().await
}

/// What a form or a script may send to another origin without asking first, with the cookie that the browser adds.
#[tokio::test]
async fn forged_simple_requests() -> Result<()> {
    let door = Door::open().await?;
    let cookie = format!("Cookie: {}", door.cookie);
    let kinds = [
        "text/plain",
        "text/plain; charset=application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "text/json",
        "",
    ];
    for kind in kinds {
        let line = format!("Content-Type: {kind}");
        let page = "Origin: http://localhost:3000";
        let answer = door.send(&[POST, &line, page, &cookie], &door.evil()).await?;
        answer.is_refused(kind, 403, "origin_denied")?;
        // An old browser that says nothing of the page.
        let answer = door.send(&[POST, &line, &cookie], &door.evil()).await?;
        answer.is_refused(kind, 400, "invalid_request")?;
    }
    let get = "GET /v1/sessions?prompt=x&agent=fake HTTP/1.1";
    ensure!(door.send(&[get, &cookie], "").await?.status == 400, "a read takes what is for a change");
    for header in ["X-HTTP-Method-Override: DELETE", "X-HTTP-Method: POST", "_method: POST"] {
        let answer = door.send(&["GET /v1/sessions HTTP/1.1", header, &cookie], "").await?;
        ensure!(answer.json()["items"].is_array(), "{header} does something: {answer:?}");
    }
    door.close_untouched().await
}

#[tokio::test]
async fn a_preflight_allows_nothing() -> Result<()> {
    let door = Door::open().await?;
    let ask = ["Access-Control-Request-Method: POST", "Access-Control-Request-Headers: content-type, authorization"];
    for path in ["/v1/sessions", "/v1/ws", "/v1/tokens", "/", "/healthz"] {
        let line = format!("OPTIONS {path} HTTP/1.1");
        let answer = door.send(&[&line, "Origin: https://evil.example", ask[0], ask[1]], "").await?;
        answer.is_refused(path, 403, "origin_denied")?;
        let own = format!("Origin: http://127.0.0.1:{}", door.port);
        let answer = door.send(&[&line, &own, ask[0], ask[1], &door.bearer()], "").await?;
        answer.allows_no_other_page(path)?;
    }
    door.close_untouched().await
}

#[tokio::test]
async fn a_websocket_of_another_page() -> Result<()> {
    let door = Door::open().await?;
    let cookie = format!("Cookie: {}", door.cookie);
    let own = format!("Origin: http://127.0.0.1:{}", door.port);
    for path in ["/v1/ws", "/v1/uplink/runner", "/v1/uplink/worker"] {
        let first = format!("GET {path} HTTP/1.1");
        let lines = |extra: [&str; 2]| -> Vec<String> {
            let rest = UPGRADE[1..].iter().chain(extra.iter()).map(ToString::to_string);
            std::iter::once(first.clone()).chain(rest).collect()
        };
        for origin in ["Origin: https://evil.example", "Origin: null"] {
            let lines = lines([origin, &cookie]);
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            door.send(&lines, "").await?.is_refused(path, 403, "origin_denied")?;
        }
        let lines = lines([&own, "X-Nothing: 1"]);
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        door.send(&lines, "").await?.is_refused(path, 401, "auth_required")?;
    }
    // The page itself is let in.
    let mut stream = TcpStream::connect(("127.0.0.1", door.port)).await?;
    let mut request = UPGRADE.join("\r\n");
    request.push_str(&format!("\r\nHost: {}\r\n{own}\r\n{cookie}\r\n\r\n", door.host()));
    stream.write_all(request.as_bytes()).await?;
    let answer = read_head(&mut stream).await?;
    ensure!(answer.status == 101, "the page is not let in: {answer:?}");
    drop(stream);
    door.close_untouched().await
}

#[tokio::test]
async fn an_event_stream_of_another_page() -> Result<()> {
    let door = Door::open().await?;
    let cookie = format!("Cookie: {}", door.cookie);
    let stream = "GET /v1/events HTTP/1.1";
    for told in ["Origin: https://evil.example", "Origin: null", "Sec-Fetch-Site: cross-site"] {
        let answer = door.send(&[stream, "Accept: text/event-stream", told, &cookie], "").await?;
        answer.is_refused(told, 403, "origin_denied")?;
    }
    door.was_denied("origin_denied").await?;
    door.close_untouched().await
}
