//! Requests that are no good HTTP, and clients that take their time.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::door::{Answer, Door, read};

/// A smuggled request that would make a session if somebody took it for one of its own.
fn smuggled(door: &Door) -> String {
    let body = door.evil();
    format!(
        "POST /v1/sessions HTTP/1.1\r\nHost: {}\r\n{}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        door.host(),
        door.bearer(),
        body.len(),
    )
}

/// All that comes back for some bytes, as the first answers of it.
async fn answers(door: &Door, bytes: &[u8]) -> Result<Vec<Answer>> {
    let mut stream = TcpStream::connect(("127.0.0.1", door.port)).await?;
    let _ = stream.write_all(bytes).await;
    let text = read(&mut stream, Duration::from_secs(2)).await;
    Ok(text
        .split("HTTP/1.1 ")
        .filter(|part| !part.is_empty())
        .map(|part| Answer::parse(&format!("x {part}")))
        .collect())
}

#[tokio::test]
async fn smuggled_requests() -> Result<()> {
    let door = Door::open().await?;
    let (host, inner) = (door.host(), smuggled(&door));
    let head = format!("POST /v1/login HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n");
    let lengths = inner.len();
    let shapes = [
        (
            "both lengths",
            format!("{head}Content-Length: {lengths}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{inner}"),
        ),
        ("both, turned", format!("{head}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n{inner}")),
        ("two lengths", format!("{head}Content-Length: 0\r\nContent-Length: {lengths}\r\n\r\n{inner}")),
        ("a list of lengths", format!("{head}Content-Length: 0, {lengths}\r\n\r\n{inner}")),
        ("a signed length", format!("{head}Content-Length: +0\r\n\r\n{inner}")),
        ("a negative length", format!("{head}Content-Length: -1\r\n\r\n{inner}")),
        ("a length in hexadecimal", format!("{head}Content-Length: 0x0\r\n\r\n{inner}")),
        ("an odd coding", format!("{head}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{inner}")),
        ("chunked, not last", format!("{head}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{inner}")),
        (
            "a space before the colon",
            format!("{head}Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n{inner}"),
        ),
        (
            "a folded line",
            format!("{head}X: y\r\n Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n{inner}"),
        ),
        (
            "a bare newline",
            format!("{head}X: y\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n{inner}"),
        ),
        ("a chunk that is too long", format!("{head}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{inner}")),
        (
            "a length in HTTP/1.0",
            format!("POST /v1/login HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{inner}"),
        ),
    ];
    for (what, bytes) in shapes {
        let answers = answers(&door, bytes.as_bytes()).await?;
        // The inner request has the owner's own token: two honest requests in a row are allowed, and one that was cut out
        // of another's body is not. So nothing may come of it unless the first one was read to its true end.
        let made = answers.iter().filter(|answer| answer.status == 201).count();
        ensure!(made == 0, "{what}: {answers:#?}");
        ensure!(answers.iter().all(|answer| answer.status >= 400), "{what}: {answers:#?}");
    }
    door.close_untouched().await
}

#[tokio::test]
async fn heads_that_are_too_large() -> Result<()> {
    let door = Door::open().await?;
    let bearer = door.bearer();
    let many: Vec<String> = (0..5000).map(|n| format!("X-{n}: y")).collect();
    let many: Vec<&str> =
        ["POST /v1/sessions HTTP/1.1", &bearer].into_iter().chain(many.iter().map(String::as_str)).collect();
    let long = format!("X: {}", "y".repeat(4 << 20));
    let path = format!("POST /v1/{} HTTP/1.1", "y".repeat(1 << 20));
    for lines in [many, vec!["POST /v1/sessions HTTP/1.1", &bearer, &long], vec![&path, &bearer]] {
        let answer = door.send(&lines, &door.evil()).await?;
        ensure!(answer.status >= 400 || answer.status == 0, "{answer:?}");
    }
    door.close_untouched().await
}

/// Clients that never come to the end of their request are let go, and nobody waits for them.
#[tokio::test]
async fn requests_that_never_end() -> Result<()> {
    let door = Door::open().await?;
    let mut slow = Vec::new();
    for _ in 0..200 {
        let mut stream = TcpStream::connect(("127.0.0.1", door.port)).await?;
        stream.write_all(b"GET /v1/sessions HTTP/1.1\r\nHost: 127.0.0.1\r\nX-").await?;
        slow.push(stream);
    }
    let started = Instant::now();
    let answer = door.send(&["GET /v1/status HTTP/1.1", &door.bearer()], "").await?;
    ensure!(answer.status == 200 && started.elapsed() < Duration::from_secs(20), "others wait: {answer:?}");
    // Within a minute the server has closed them; until then one line after another does not keep them open.
    let mut first = slow.pop().context("none")?;
    let told = read(&mut first, Duration::from_secs(60)).await;
    ensure!(started.elapsed() < Duration::from_secs(55), "it is still open: {told:?}");
    door.close_untouched().await
}

/// A body that is announced and does not come holds nobody up, and is let go.
#[tokio::test]
async fn bodies_that_never_come() -> Result<()> {
    let door = Door::open().await?;
    let head = format!(
        "POST /v1/sessions HTTP/1.1\r\nHost: {}\r\n{}\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: 1000\r\n\r\n{{",
        door.host(),
        door.bearer(),
    );
    let mut streams = Vec::new();
    for _ in 0..50 {
        let mut stream = TcpStream::connect(("127.0.0.1", door.port)).await?;
        stream.write_all(head.as_bytes()).await?;
        streams.push(stream);
    }
    let answer = door.send(&["GET /v1/status HTTP/1.1", &door.bearer()], "").await?;
    ensure!(answer.status == 200, "others wait: {answer:?}");
    let mut first = streams.pop().context("none")?;
    let answer = Answer::parse(&read(&mut first, Duration::from_secs(70)).await);
    ensure!(answer.code() == "invalid_request", "{answer:?}");
    door.close_untouched().await
}
