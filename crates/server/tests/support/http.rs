//! HTTP with every header in the test's own hands.

use std::collections::BTreeMap;

use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpStream, UnixStream},
    time::timeout,
};

use super::{SOON, Server};

/// A request in the making.
#[derive(Clone)]
pub struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The problem's code; fails if this is none, or has no detail.
    pub fn code(&self) -> String {
        assert_eq!(self.headers.get("content-type").unwrap(), "application/problem+json", "{self:?}");
        let problem = self.json();
        assert!(!problem["detail"].as_str().unwrap().is_empty(), "{self:?}");
        assert_eq!(problem["status"], self.status, "{self:?}");
        problem["code"].as_str().unwrap().to_owned()
    }
}

impl Request {
    pub fn new(method: &str, path: &str) -> Self {
        Self { method: method.to_owned(), path: path.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn token(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string().into_bytes())
    }

    pub fn body(mut self, kind: &str, body: Vec<u8>) -> Self {
        self.body = body;
        self.header("content-type", kind)
    }

    /// Over TCP.
    pub async fn send(&self, server: &Server) -> Answer {
        let stream = TcpStream::connect(server.info.addr).await.unwrap();
        self.exchange(stream, &server.info.addr.to_string()).await
    }

    /// Over the unix socket.
    pub async fn send_local(&self, server: &Server) -> Answer {
        let stream = UnixStream::connect(&server.info.socket).await.unwrap();
        self.exchange(stream, "localhost").await
    }

    /// Sends it and keeps the connection, for streams.
    pub async fn open(&self, server: &Server) -> TcpStream {
        let mut stream = TcpStream::connect(server.info.addr).await.unwrap();
        stream.write_all(&self.bytes(&server.info.addr.to_string())).await.unwrap();
        stream
    }

    async fn exchange(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin, host: &str) -> Answer {
        let talk = async {
            // A server that refuses a body need not read it.
            let _ = stream.write_all(&self.bytes(host)).await;
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
            answer
        };
        let answer = timeout(SOON, talk).await.expect("an answer in time");
        parse(&String::from_utf8(answer).unwrap())
    }

    fn bytes(&self, host: &str) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nconnection: close\r\n", self.method, self.path);
        if !self.headers.iter().any(|(name, _)| name == "host") {
            head.push_str(&format!("host: {host}\r\n"));
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", self.body.len()));
        [head.as_bytes(), &self.body].concat()
    }
}

fn parse(text: &str) -> Answer {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let body =
        if headers.get("transfer-encoding").is_some_and(|t| t == "chunked") { unchunk(body) } else { body.to_owned() };
    Answer { status, headers, body }
}

fn unchunk(mut rest: &str) -> String {
    let mut out = String::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        out.push_str(&after[..size]);
        rest = after[size..].trim_start_matches("\r\n");
    }
    out
}
