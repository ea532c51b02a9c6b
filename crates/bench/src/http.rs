//! A connection for requests one after the other, as cheap as can be: the client must cost less than what it measures.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};

/// The longest wait for an answer.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// An open connection.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    token: String,
}

/// An answer.
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: String,
}

impl Connection {
    /// Connects to a server on this machine.
    pub fn open(port: u16, token: &str) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream, buffer: Vec::new(), token: token.to_owned() })
    }

    /// Sends a request and waits for its answer.
    pub fn send(&mut self, method: &str, path: &str, body: &str) -> Result<Answer> {
        let (token, length, key) = (&self.token, body.len(), uuid::Uuid::now_v7());
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {token}\r\n\
            idempotency-key: {key}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        self.stream.write_all(request.as_bytes())?;
        self.answer()
    }

    /// Sends a request that must succeed.
    pub fn must(&mut self, method: &str, path: &str, body: &str) -> Result<String> {
        let answer = self.send(method, path, body)?;
        ensure!((200..300).contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.body);
        Ok(answer.body)
    }

    fn answer(&mut self) -> Result<Answer> {
        self.buffer.clear();
        let end = loop {
            if let Some(end) = self.buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                break end + 4;
            }
            self.more()?;
        };
        let head = std::str::from_utf8(&self.buffer[..end])?.to_ascii_lowercase();
        let status = head.split(' ').nth(1).context("no status")?.parse()?;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length: usize = length.map_or(Ok(0), |length| length.trim().parse())?;
        while self.buffer.len() < end + length {
            self.more()?;
        }
        Ok(Answer { status, body: String::from_utf8_lossy(&self.buffer[end..end + length]).into_owned() })
    }

    fn more(&mut self) -> Result<()> {
        let mut bytes = [0; 16 << 10];
        let read = self.stream.read(&mut bytes)?;
        ensure!(read > 0, "the server hung up");
        self.buffer.extend_from_slice(&bytes[..read]);
        Ok(())
    }
}
