//! Agents on pipes: launched, greeted, given a prompt, and read line by line, by one thread for all.

use std::{
    io::{Read as _, Write as _},
    os::fd::AsFd as _,
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use anyhow::{Context as _, Result, bail};
use rustix::event::{PollFd, PollFlags, poll};
use serde::Deserialize;
use serde_json::{json, value::RawValue};

/// What is read at once: as much as a pipe holds.
const READ: usize = 64 << 10;

/// A line of an agent, as far as somebody must look into it who passes it on.
#[derive(Deserialize)]
pub struct Envelope<'a> {
    /// The id of a request that is answered.
    pub id: Option<u64>,
    /// What it is, unless it is an answer.
    #[serde(borrow)]
    pub method: Option<&'a str>,
    /// What it is about.
    #[serde(borrow)]
    pub params: Option<Params<'a>>,
}

/// The parameters of an update.
#[derive(Deserialize)]
pub struct Params<'a> {
    /// What is new; it passes through as it is.
    #[serde(borrow)]
    pub update: Option<&'a RawValue>,
}

/// One agent.
pub struct Agent {
    child: Child,
    stdin: ChildStdin,
    stdout: ChildStdout,
    session: String,
    buffer: Vec<u8>,
}

impl Agent {
    /// Launches an agent.
    pub fn launch(program: &Path) -> Result<Self> {
        let mut command = Command::new(program);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("the fake agent")?;
        let (stdin, stdout) = (child.stdin.take().context("no stdin")?, child.stdout.take().context("no stdout")?);
        Ok(Self { child, stdin, stdout, session: String::new(), buffer: Vec::new() })
    }

    /// `initialize` and `session/new`.
    pub fn greet(&mut self) -> Result<()> {
        let capabilities = json!({"fs": {"readTextFile": false, "writeTextFile": false}, "terminal": false});
        self.ask(0, "initialize", &json!({"protocolVersion": 1, "clientCapabilities": capabilities}))?;
        self.answer(0)?;
        self.ask(1, "session/new", &json!({"cwd": "/", "mcpServers": []}))?;
        let answer: serde_json::Value = serde_json::from_str(&self.answer(1)?)?;
        answer["result"]["sessionId"].as_str().context("no session")?.clone_into(&mut self.session);
        Ok(())
    }

    /// Hands over a prompt.
    pub fn prompt(&mut self, text: &str) -> Result<()> {
        let session = self.session.clone();
        self.ask(2, "session/prompt", &json!({"sessionId": session, "prompt": [{"type": "text", "text": text}]}))
    }

    fn ask(&mut self, id: u64, method: &str, params: &serde_json::Value) -> Result<()> {
        let line = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        Ok(self.stdin.write_all(format!("{line}\n").as_bytes())?)
    }

    /// Waits for the answer to a request; what comes before it is passed over.
    pub fn answer(&mut self, id: u64) -> Result<String> {
        loop {
            let mut found = None;
            let alive = self.read(|line| {
                if serde_json::from_str::<Envelope<'_>>(line).is_ok_and(|e| e.id == Some(id)) {
                    found = Some(line.to_owned());
                }
            })?;
            match found {
                Some(line) => return Ok(line),
                None if alive => {}
                None => bail!("the fake agent is gone"),
            }
        }
    }

    /// Reads once and gives every whole line. `false`: it has ended.
    pub fn read(&mut self, mut line: impl FnMut(&str)) -> Result<bool> {
        let kept = self.buffer.len();
        self.buffer.resize(kept + READ, 0);
        let read = self.stdout.read(&mut self.buffer[kept..])?;
        self.buffer.truncate(kept + read);
        let mut begin = 0;
        while let Some(length) = self.buffer[begin..].iter().position(|byte| *byte == b'\n') {
            line(std::str::from_utf8(&self.buffer[begin..begin + length])?);
            begin += length + 1;
        }
        self.buffer.drain(..begin);
        Ok(read > 0)
    }

    /// Closes its stdin, which ends it, and collects it.
    pub fn leave(self) -> Result<()> {
        let Self { mut child, stdin, stdout, .. } = self;
        drop((stdin, stdout));
        child.wait()?;
        Ok(())
    }
}

/// Which agents have something to read; waits for one if told to.
pub fn ready(agents: &[Agent], wait: bool) -> Result<Vec<usize>> {
    let mut fds: Vec<PollFd<'_>> =
        agents.iter().map(|agent| PollFd::from_borrowed_fd(agent.stdout.as_fd(), PollFlags::IN)).collect();
    let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut fds, if wait { None } else { Some(&now) })?;
    Ok(fds.iter().enumerate().filter(|(_, fd)| !fd.revents().is_empty()).map(|(place, _)| place).collect())
}
