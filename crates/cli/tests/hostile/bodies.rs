//! Bodies that are too large, too deep, or no text.

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::door::{Answer, Door, read};

const POST: &str = "POST /v1/sessions HTTP/1.1";

#[tokio::test]
async fn bodies_that_are_too_large() -> Result<()> {
    let door = Door::open().await?;
    let bearer = door.bearer();
    let big = json!({"agent": "fake", "prompt": "x".repeat(17 << 20)}).to_string();
    door.send(&[POST, &bearer], &big).await?.is_refused("17 MB", 413, "body_too_large")?;
    // Said, and not sent: the answer does not wait for it.
    let lines = [POST, &bearer, "Content-Length: 99999999999999"];
    door.send(&lines, "{").await?.is_refused("announced", 413, "body_too_large")?;
    // Not said, and sent.
    let mut stream = TcpStream::connect(("127.0.0.1", door.port)).await?;
    let head = format!(
        "{POST}\r\nHost: {}\r\n{bearer}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
        door.host()
    );
    stream.write_all(head.as_bytes()).await?;
    let chunk = format!("100000\r\n{}\r\n", "x".repeat(1 << 20));
    for _ in 0..40 {
        if stream.write_all(chunk.as_bytes()).await.is_err() {
            break;
        }
    }
    let answer = Answer::parse(&read(&mut stream, std::time::Duration::from_secs(20)).await);
    // The server may hang up on who goes on sending, which loses the answer.
    ensure!(answer.status == 0 || answer.code() == "body_too_large", "chunked: {answer:?}");
    // Nobody without a token gets as far as that.
    door.send(&[POST], &big[..1 << 20]).await?.is_refused("nobody's", 401, "auth_required")?;
    let prompt = json!({"agent": "fake", "prompt": "x".repeat(2 << 20)}).to_string();
    door.send(&[POST, &bearer], &prompt).await?.is_refused("a prompt", 413, "prompt_too_large")?;
    door.close_untouched().await
}

#[tokio::test]
async fn json_that_is_too_deep_or_odd() -> Result<()> {
    let door = Door::open().await?;
    let (bearer, work) = (door.bearer(), door.cluster.home().work());
    let work = json!(work).to_string();
    let with = |field: &str| format!(r#"{{"agent":"fake","cwd":{work},"prompt":"you are mine",{field}}}"#);
    let deep = "[".repeat(200_000) + &"]".repeat(200_000);
    let objects = r#"{"a":"#.repeat(100_000) + "1" + &"}".repeat(100_000);
    let bodies = [
        deep.clone(),
        objects.clone(),
        with(&format!(r#""config":{{"a":{deep}}}"#)),
        with(&format!(r#""mcp_servers":[{objects}]"#)),
        with(r#""timeout":1e999"#),
        with(r#""timeout":99999999999999999999999999"#),
        with(r#""timeout":-1"#),
        with(r#""timeout":1.5"#),
        with(r#""timeout":NaN"#),
        with(r#""labels":{"a":1}"#),
        with(r#""title":"\ud800""#),
        with("\"title\":\"a\nb\""),
        with(r#""__proto__":{"x":1}"#),
        with(r#""owner":"root""#),
        with(r#""id":"ses_1""#),
        with(r#""agent":"fake","agent":"claude""#),
        with(r#""prompt":"one","prompt":"two""#),
        format!("{} trailing", with(r#""title":"x""#)),
        "\u{feff}{}".to_owned(),
        "null".to_owned(),
        "\"text\"".to_owned(),
        "[1]".to_owned(),
        "1".repeat(1 << 20),
    ];
    for body in bodies {
        let what: String = body.chars().take(120).collect();
        let answer = door.send(&[POST, &bearer], &body).await?;
        ensure!(matches!(answer.status, 400 | 413), "{what}: {answer:?}");
        ensure!(!answer.code().is_empty() && answer.code() != "internal", "{what}: {answer:?}");
    }
    door.close_untouched().await
}

#[tokio::test]
async fn bytes_that_are_no_text() -> Result<()> {
    let door = Door::open().await?;
    let bearer = door.bearer();
    for bytes in [&b"{\"prompt\":\"\xff\xfe\"}"[..], b"\x00\x01\x02", b"{\"prompt\":\"\xed\xa0\x80\"}", b"\xc0\x80"] {
        let answer = door.send_bytes(&[POST, &bearer], bytes).await?;
        ensure!(answer.status == 400, "{bytes:?}: {answer:?}");
    }
    let utf16: Vec<u8> = door.evil().encode_utf16().flat_map(u16::to_le_bytes).collect();
    let lines = [POST, &bearer, "Content-Type: application/json; charset=utf-16"];
    ensure!(door.send_bytes(&lines, &utf16).await?.status == 400, "another charset is taken");
    let coded = [POST, &bearer, "Content-Encoding: gzip"];
    let answer = door.send(&coded, &door.evil()).await?;
    ensure!(matches!(answer.status, 400 | 415), "a coding that is not undone is taken as the text: {answer:?}");
    door.close_untouched().await
}

#[tokio::test]
async fn paths_and_headers_that_are_no_text() -> Result<()> {
    let door = Door::open().await?;
    let bearer = door.bearer();
    for path in ["/v1/sessions/%00", "/v1/sessions/%ff%fe", "/v1/sessions/%c0%af", "/v1/sessions/%", "/v1/sessions/%zz"]
    {
        let line = format!("GET {path} HTTP/1.1");
        let answer = door.send(&[&line, &bearer], "").await?;
        ensure!(matches!(answer.status, 400 | 404), "{path}: {answer:?}");
    }
    for head in [&b"GET /v1/sessions/\x00 HTTP/1.1"[..], b"GET /v1/sessions/\xff HTTP/1.1", b"GET /v1/s\x7f HTTP/1.1"] {
        let mut bytes = head.to_vec();
        bytes.extend(format!("\r\nHost: {}\r\n{bearer}\r\nConnection: close\r\n\r\n", door.host()).into_bytes());
        let answer = door.raw(&bytes).await?;
        ensure!(answer.status >= 400 || answer.status == 0, "{head:?}: {answer:?}");
    }
    let long = "k".repeat(300);
    for key in ["", long.as_str(), "\u{e9}"] {
        let line = format!("Idempotency-Key: {key}");
        let answer = door.send(&[POST, &bearer, &line], &door.evil()).await?;
        ensure!(answer.status == 400, "key {key:?}: {answer:?}");
    }
    // A key with another body is told, and does nothing.
    let first = door.send(&["POST /v1/threads HTTP/1.1", &bearer, "Idempotency-Key: k"], r#"{"title":""}"#).await?;
    ensure!(first.status == 201, "{first:?}");
    let again = door.send(&["POST /v1/threads HTTP/1.1", &bearer, "Idempotency-Key: k"], r#"{"title":"b"}"#).await?;
    again.is_refused("the same key", 409, "idempotency_conflict")?;
    let id = first.json()["thread"]["id"].as_str().context("no id")?.to_owned();
    door.send(&[&format!("DELETE /v1/threads/{id} HTTP/1.1"), &bearer], "").await?;
    door.close_untouched().await
}
