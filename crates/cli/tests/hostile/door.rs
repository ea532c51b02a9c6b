//! A server to attack, requests byte for byte, and the proof that nothing came of them.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use convene_api::{
    body::{AuditEntry, AuditOutcome, CreateToken},
    client::{CommandKey, SessionsQuery},
};
use convene_testkit::cluster::{Cluster, PATIENCE};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, timeout},
};

/// How long an answer may take that should come at once.
const AT_ONCE: Duration = Duration::from_secs(20);

/// A server under attack.
pub struct Door {
    pub cluster: Cluster,
    pub port: u16,
    /// The owner's token.
    pub token: String,
    /// A browser's cookie of this server.
    pub cookie: String,
}

/// An answer; `status` 0 if the connection ended without one.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
        Self { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
    }

    pub fn json(&self) -> Value {
        // Chunked or not: the object is between the braces.
        let object = self.body.find('{').zip(self.body.rfind('}')).and_then(|(a, b)| self.body.get(a..=b));
        object.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// Fails unless it is a refusal with one of these statuses and codes, and says nothing of use.
    pub fn is_refused(&self, what: &str, status: u16, code: &str) -> Result<()> {
        ensure!(self.status == status && self.code() == code, "{what}: {self:?}");
        let has_hint = !self.json()["hint"].as_str().unwrap_or_default().is_empty();
        ensure!(has_hint || status == 400, "{what}: no hint: {self:?}");
        self.allows_no_other_page(what)
    }

    /// Fails if a page of another origin could read it.
    pub fn allows_no_other_page(&self, what: &str) -> Result<()> {
        ensure!(!self.head.contains("access-control-allow"), "{what}: {self:?}");
        Ok(())
    }
}

impl Door {
    pub async fn open() -> Result<Self> {
        Self::open_with("").await
    }

    pub async fn open_with(config: &str) -> Result<Self> {
        let cluster = Cluster::of(env!("CARGO_BIN_EXE_convene")).config(config).start().await?;
        let port = cluster.url().rsplit_once(':').and_then(|(_, port)| port.parse().ok()).context("no port")?;
        let token = cluster.home().owner_token()?;
        let mut door = Self { cluster, port, token, cookie: String::new() };
        let link = door.cluster.client()?.login_link(&CommandKey::fresh()).await?;
        let link = link.path.strip_prefix("/#t=").context("another kind of link")?.to_owned();
        let answer = door.send(&["POST /v1/login HTTP/1.1"], &json!({ "token": link }).to_string()).await?;
        ensure!(answer.status == 200, "no way in: {answer:?}");
        let cookie = answer.head.lines().find_map(|line| line.strip_prefix("set-cookie: "));
        door.cookie = cookie.and_then(|c| c.split(';').next()).context("no cookie")?.to_owned();
        Ok(door)
    }

    pub fn bearer(&self) -> String {
        format!("Authorization: Bearer {}", self.token)
    }

    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// A session that would run if it were let in.
    pub fn evil(&self) -> String {
        json!({"agent": "fake", "cwd": self.cluster.home().work(), "prompt": "you are mine"}).to_string()
    }

    /// Sends a request of these lines and a JSON body. `Host`, a content type and a length are there unless the lines
    /// have their own.
    pub async fn send(&self, lines: &[&str], body: &str) -> Result<Answer> {
        self.send_bytes(lines, body.as_bytes()).await
    }

    pub async fn send_bytes(&self, lines: &[&str], body: &[u8]) -> Result<Answer> {
        let has = |name: &str| lines.iter().any(|line| line.to_ascii_lowercase().starts_with(name));
        let mut head: Vec<u8> = lines.join("\r\n").into_bytes();
        head.extend(b"\r\n");
        if !has("host:") {
            head.extend(format!("Host: {}\r\n", self.host()).into_bytes());
        }
        if !body.is_empty() && !has("content-type:") {
            head.extend(b"Content-Type: application/json\r\n");
        }
        if !has("content-length:") && !has("transfer-encoding:") && !lines[0].starts_with("GET") {
            head.extend(format!("Content-Length: {}\r\n", body.len()).into_bytes());
        }
        if !has("connection:") {
            head.extend(b"Connection: close\r\n");
        }
        head.extend(b"\r\n");
        head.extend(body);
        self.raw(&head).await
    }

    /// Sends bytes and reads what comes until the end, or for as long as an answer may take.
    pub async fn raw(&self, bytes: &[u8]) -> Result<Answer> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        // The server may close before it has read all of it, and answer before that.
        let (mut reading, mut writing) = stream.split();
        let write = async {
            let _ = writing.write_all(bytes).await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = write => unreachable!(),
            text = whole_answer(&mut reading, AT_ONCE) => Ok(Answer::parse(&text)),
        }
    }

    /// A token of a scope.
    pub async fn token(&self, scope: &str) -> Result<String> {
        let body = CreateToken { name: scope.to_owned(), expires_in: None, scope: Some(scope.to_owned()) };
        Ok(self.cluster.client()?.create_token(&body, &CommandKey::fresh()).await?.secret)
    }

    /// The newest lines of the audit log, as the owner reads them.
    pub async fn audit(&self) -> Result<Vec<AuditEntry>> {
        Ok(self.cluster.client()?.audit(1000, None, None).await?.items)
    }

    /// Fails unless somebody was turned away with this code, and the log says so.
    pub async fn was_denied(&self, code: &str) -> Result<()> {
        let audit = self.audit().await?;
        let denied = |entry: &&AuditEntry| entry.code.as_deref() == Some(code) && entry.outcome == AuditOutcome::Denied;
        ensure!(audit.iter().any(|entry| denied(&entry)), "the audit log has no {code}: {audit:#?}");
        Ok(())
    }

    /// Fails if anything was done: a session, a thread, a token, a process.
    pub async fn nothing_happened(&self) -> Result<()> {
        let client = self.cluster.client()?;
        let sessions = client.sessions(&SessionsQuery::default()).await?.items;
        ensure!(sessions.is_empty(), "there is a session: {sessions:#?}");
        let threads = self.send(&["GET /v1/threads HTTP/1.1", &self.bearer()], "").await?;
        ensure!(threads.json()["items"] == json!([]), "there is a thread: {threads:?}");
        ensure!(self.cluster.receipts()?.is_empty(), "an agent got a prompt");
        // The worker looks for agents all the time, which starts some to ask for their version.
        let processes = self.cluster.attempt_processes();
        let processes: Vec<_> = processes.into_iter().filter(|p| !p.command.contains("--version")).collect();
        ensure!(processes.is_empty(), "a process was launched: {processes:#?}");
        Ok(())
    }

    /// The same, and the end of the server in order.
    pub async fn close_untouched(self) -> Result<()> {
        self.nothing_happened().await?;
        self.cluster.end().await
    }
}

/// One answer, by the length that it says; without one, what comes until the end.
async fn whole_answer(stream: &mut (impl AsyncRead + Unpin), patience: Duration) -> String {
    let mut bytes = Vec::new();
    let deadline = Instant::now() + patience;
    let mut buffer = vec![0; 64 << 10];
    while let Ok(Ok(length @ 1..)) = tokio::time::timeout_at(deadline, stream.read(&mut buffer)).await {
        bytes.extend_from_slice(&buffer[..length]);
        let text = String::from_utf8_lossy(&bytes);
        let answer = Answer::parse(&text);
        let told = answer.head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if text.contains("\r\n\r\n") && told.and_then(|l| l.trim().parse().ok()) == Some(answer.body.len()) {
            break;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What comes until the end of the connection, or until the time is up.
pub async fn read(stream: &mut TcpStream, patience: Duration) -> String {
    let mut bytes = Vec::new();
    let deadline = Instant::now() + patience;
    let mut buffer = vec![0; 64 << 10];
    while let Ok(Ok(length @ 1..)) = tokio::time::timeout_at(deadline, stream.read(&mut buffer)).await {
        bytes.extend_from_slice(&buffer[..length]);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The head of the first answer, without waiting for an end that a stream does not have.
pub async fn read_head(stream: &mut TcpStream) -> Result<Answer> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    while !bytes.windows(4).any(|four| four == b"\r\n\r\n") {
        let length = timeout(PATIENCE, stream.read(&mut buffer)).await.context("no answer")??;
        ensure!(length > 0, "it closes: {}", String::from_utf8_lossy(&bytes));
        bytes.extend_from_slice(&buffer[..length]);
    }
    Ok(Answer::parse(&String::from_utf8_lossy(&bytes)))
}

/// The lines that ask for a WebSocket.
pub const UPGRADE: [&str; 5] = [
    "GET /v1/ws HTTP/1.1",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];
