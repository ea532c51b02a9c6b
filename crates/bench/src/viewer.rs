//! A client that watches, and reads no more of what comes than it must.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::time::{ClockId, clock_gettime};

use crate::http::PATIENCE;

/// How much is read at once.
const READ: usize = 256 << 10;

/// A client of the product's socket, or of a floor's lines.
pub struct Viewer {
    /// Its connection.
    pub stream: TcpStream,
    buffer: Vec<u8>,
    lines: bool,
}

impl Viewer {
    /// Opens a WebSocket: `/v1/ws`, or an uplink.
    pub fn socket(port: u16, path: &str, token: &str) -> Result<Self> {
        let mut this = Self::lines(port)?;
        this.lines = false;
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nauthorization: Bearer {token}\r\n\
            connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
            sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        this.stream.write_all(request.as_bytes())?;
        let end = loop {
            if let Some(end) = this.buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                break end + 4;
            }
            ensure!(this.more()?, "the server hung up");
        };
        let head = String::from_utf8_lossy(&this.buffer[..end]).into_owned();
        ensure!(head.starts_with("HTTP/1.1 101"), "no socket: {head}");
        this.buffer.drain(..end);
        Ok(this)
    }

    /// Connects to a floor.
    pub fn lines(port: u16) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream, buffer: Vec::new(), lines: true })
    }

    /// Follows a topic from now on.
    pub fn subscribe(&mut self, topic: &str) -> Result<()> {
        self.send(1, format!(r#"{{"op":"subscribe","topic":"{topic}"}}"#).as_bytes())?;
        let mut there = false;
        while !there {
            self.read(|text| there |= text.starts_with(r#"{"type":"caught_up""#))?;
        }
        Ok(())
    }

    /// Reads a session's log from its beginning, and what comes, for as long as more is wanted.
    pub fn read_log(&mut self, session: &str, mut more: impl FnMut(&str) -> bool) -> Result<()> {
        self.send(1, format!(r#"{{"op":"subscribe","topic":"{session}","after":0}}"#).as_bytes())?;
        let mut wanted = true;
        while wanted {
            self.read(|text| wanted = wanted && more(text))?;
        }
        Ok(())
    }

    /// Reads once and gives every whole message.
    pub fn read(&mut self, mut each: impl FnMut(&str)) -> Result<()> {
        ensure!(self.more()?, "the server hung up");
        let mut at = 0;
        let mut pings = Vec::new();
        while let Some((opcode, from, to)) = if self.lines { self.line(at) } else { self.frame(at)? } {
            match opcode {
                1 => each(std::str::from_utf8(&self.buffer[from..to])?),
                8 => bail!("the server closed: {}", String::from_utf8_lossy(&self.buffer[from..to])),
                9 => pings.push(self.buffer[from..to].to_vec()),
                _ => {}
            }
            at = to + usize::from(self.lines);
        }
        self.buffer.drain(..at);
        pings.iter().try_for_each(|ping| self.send(10, ping))
    }

    fn more(&mut self) -> Result<bool> {
        let kept = self.buffer.len();
        self.buffer.resize(kept + READ, 0);
        let read = self.stream.read(&mut self.buffer[kept..]);
        self.buffer.truncate(kept + *read.as_ref().unwrap_or(&0));
        Ok(read.context("nothing comes any more")? > 0)
    }

    /// The place of the line that begins here, if it is there.
    fn line(&self, at: usize) -> Option<(u8, usize, usize)> {
        let length = self.buffer[at..].iter().position(|byte| *byte == b'\n')?;
        Some((1, at, at + length))
    }

    /// The kind and place of the frame that begins here, if it is there.
    fn frame(&self, at: usize) -> Result<Option<(u8, usize, usize)>> {
        let rest = &self.buffer[at..];
        let [first, second, ..] = *rest else { return Ok(None) };
        ensure!(first & 0x80 != 0 && second & 0x80 == 0, "the server cuts or masks frames");
        let (head, length) = match second {
            126 => match rest.get(2..4) {
                Some(bytes) => (4, u64::from(u16::from_be_bytes(bytes.try_into()?))),
                None => return Ok(None),
            },
            127 => match rest.get(2..10) {
                Some(bytes) => (10, u64::from_be_bytes(bytes.try_into()?)),
                None => return Ok(None),
            },
            short => (2, u64::from(short)),
        };
        let end = head + usize::try_from(length)?;
        Ok((rest.len() >= end).then_some((first & 0xf, at + head, at + end)))
    }

    /// Sends a frame, masked with zeros, as the protocol wants it.
    pub fn send(&mut self, opcode: u8, payload: &[u8]) -> Result<()> {
        let mut frame = vec![0x80 | opcode];
        match u8::try_from(payload.len()) {
            Ok(length @ ..126) => frame.push(0x80 | length),
            Ok(_) | Err(_) => match u16::try_from(payload.len()) {
                Ok(length) => {
                    frame.push(0x80 | 126);
                    frame.extend(length.to_be_bytes());
                }
                Err(_) => {
                    frame.push(0x80 | 127);
                    frame.extend((payload.len() as u64).to_be_bytes());
                }
            },
        }
        frame.extend([0; 4]);
        frame.extend(payload);
        Ok(self.stream.write_all(&frame)?)
    }
}

/// The clock that all processes share, in nanoseconds.
pub fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec.cast_unsigned() * 1_000_000_000 + now.tv_nsec.cast_unsigned()
}

/// The stamps in a message: an `@` with the nanoseconds at which an agent wrote it.
pub fn stamps(text: &str) -> impl Iterator<Item = u64> + '_ {
    let stamp = |rest: &str| rest.split(' ').next().and_then(|digits| digits.parse().ok());
    text.split('@').skip(1).filter_map(stamp)
}

#[cfg(test)]
#[path = "viewer_tests.rs"]
mod tests;
