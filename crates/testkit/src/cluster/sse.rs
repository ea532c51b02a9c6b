//! A session's events as server-sent ones, read by hand.

use anyhow::{Context as _, Result, ensure};
use convene_core::ids::SessionId;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};

/// An open stream.
pub(super) struct EventSource {
    lines: BufReader<TcpStream>,
}

impl EventSource {
    /// Connects, and says as a browser does what was the last event that it has.
    pub(super) async fn open(port: u16, token: &str, session: SessionId, after: u64) -> Result<Self> {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        // HTTP/1.0, so that the body comes as it is and not in chunks.
        let request = format!(
            "GET /v1/sessions/{session}/events HTTP/1.0\r\nhost: 127.0.0.1:{port}\r\nauthorization: Bearer {token}\r\n\
            accept: text/event-stream\r\nlast-event-id: {after}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut this = Self { lines: BufReader::new(stream) };
        let status = this.line().await?.context("no answer")?;
        ensure!(status.contains(" 200 "), "refused: {status}");
        while !this.line().await?.context("no body")?.is_empty() {}
        Ok(this)
    }

    /// The next event's data; nothing when the stream has ended. An event that was cut off is none.
    pub(super) async fn next(&mut self) -> Result<Option<String>> {
        let (mut data, mut kind) = (None, String::new());
        while let Some(line) = self.line().await? {
            if line.is_empty() {
                // Other kinds, such as the end of the past, are not in the log.
                match data.take().filter(|_| kind.is_empty() || kind == "message") {
                    Some(data) => return Ok(Some(data)),
                    None => kind.clear(),
                }
            } else if let Some(rest) = line.strip_prefix("data:") {
                data = Some(rest.trim_start().to_owned());
            } else if let Some(rest) = line.strip_prefix("event:") {
                rest.trim().clone_into(&mut kind);
            }
        }
        Ok(None)
    }

    /// The next whole line, without its end.
    async fn line(&mut self) -> Result<Option<String>> {
        let mut line = String::new();
        self.lines.read_line(&mut line).await?;
        Ok(line.strip_suffix('\n').map(|line| line.trim_end_matches('\r').to_owned()))
    }
}
