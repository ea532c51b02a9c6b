//! What an agent does that harms: bytes that are no protocol, processes without end, memory without end.
//!
//! | line | effect |
//! |---|---|
//! | `RAW text` | this line as it is, with `{session}` filled in and `\0` as a NUL byte |
//! | `DEEP n` | a message with `n` arrays inside each other |
//! | `CUT n` | a message of which only the first `n` bytes are written, then exits with 1 |
//! | `SAME n` | one tool call that is updated `n` times with the same words, then completed |
//! | `NOHUP` | one more daemon, left as `nohup … &` leaves it: an orphan without a descriptor; says `daemons PID` |
//! | `SERVER` | starts a process that stays and ends on SIGTERM, and says `server PID` |
//! | `PROCESS [DEAF]` | the same, and waits for it, whoever cancels; says `process PID` before and `process ended` after it |
//! | `BOMB depth` | a process that starts two of its kind, as many generations deep; says `bomb PID` and goes on |
//! | `HOG mib` | takes so much memory, touches all of it and keeps it |

use std::process::Child;
use std::time::Duration;

use serde_json::json;

use crate::child::{self, Kind};
use crate::words::Flow;
use crate::{Agent, wire};

impl Agent {
    /// Plays one of these lines; `None` if it is none.
    pub fn harm(&mut self, session: &str, line: &str) -> Option<Flow> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = || words.get(1).and_then(|word| word.parse::<usize>().ok()).unwrap_or(1);
        match words[..] {
            ["RAW", ..] => self.verbatim(session, line.trim_start().trim_start_matches("RAW").trim_start()),
            ["DEEP", _] => {
                let (open, close) = ("[".repeat(number()), "]".repeat(number()));
                let update = format!(r#"{{"sessionUpdate":"agent_message_chunk","content":{open}{close}}}"#);
                let params = format!(r#"{{"sessionId":"{session}","update":{update}}}"#);
                self.wire.line(&format!(r#"{{"jsonrpc":"2.0","method":"session/update","params":{params}}}"#));
            }
            ["CUT", _] => self.cut(session, number()),
            ["SAME", _] => self.same(session, number()),
            ["NOHUP"] => match child::start(Kind::Nohup, &self.flags.marker, false) {
                Ok((pid, _)) => self.wire.say(session, &format!("daemons {pid}")),
                Err(error) => self.wire.say(session, &format!("no daemon: {error}")),
            },
            // Whoever it is that reaps it, it is not the agent.
            ["SERVER"] => drop(self.process(session, "server", Kind::Tame)),
            ["PROCESS", ref how @ ..] => {
                let kind = if how == ["DEAF"] { Kind::Setsid } else { Kind::Tame };
                let Some(child) = self.process(session, "process", kind) else { return Some(Flow::Go) };
                self.wait_for_tool(session, child);
            }
            ["BOMB", depth] => match child::bomb(depth, &self.flags.marker) {
                Ok(pid) => self.wire.say(session, &format!("bomb {pid}")),
                Err(error) => self.wire.say(session, &format!("no bomb: {error}")),
            },
            ["HOG", _] => {
                self.hoard.push(vec![1; number() << 20]);
                self.wire.say(session, "full");
            }
            _ => return None,
        }
        Some(Flow::Go)
    }

    fn verbatim(&mut self, session: &str, text: &str) {
        let text = text.replace("{session}", session).replace("\\0", "\0");
        self.wire.line(&text);
    }

    fn cut(&mut self, session: &str, bytes: usize) {
        let content = json!({"type": "text", "text": "never heard, é and 🦀"});
        let update = json!({"sessionUpdate": "agent_message_chunk", "content": content});
        let line = wire::frame("session/update", &json!({"sessionId": session, "update": update})) + "\n";
        self.wire.raw(&line.as_bytes()[..bytes.min(line.len())]);
        std::process::exit(1)
    }

    fn same(&mut self, session: &str, count: usize) {
        let call = json!({"sessionUpdate": "tool_call", "toolCallId": "same-1", "title": "wait", "kind": "execute",
            "status": "in_progress"});
        self.wire.update(session, &call);
        for _ in 0..count {
            let again = json!({"sessionUpdate": "tool_call_update", "toolCallId": "same-1", "status": "in_progress",
                "content": [{"type": "content", "content": {"type": "text", "text": "still at it"}}]});
            self.wire.update(session, &again);
        }
        let done = json!({"sessionUpdate": "tool_call_update", "toolCallId": "same-1", "status": "completed"});
        self.wire.update(session, &done);
    }

    /// Starts a process and says which one.
    fn process(&mut self, session: &str, word: &str, kind: Kind) -> Option<Child> {
        match child::start(kind, &self.flags.marker, false) {
            Ok((pid, child)) => {
                self.wire.say(session, &format!("{word} {pid} "));
                self.wire.flush();
                child
            }
            Err(error) => {
                self.wire.say(session, &format!("no {word}: {error}"));
                None
            }
        }
    }

    /// Waits as an agent does that takes a cancel only between its tools.
    fn wait_for_tool(&mut self, session: &str, mut child: Child) {
        while matches!(child.try_wait(), Ok(None)) {
            self.breathe(Some(Duration::from_millis(20)));
        }
        self.wire.say(session, "process ended");
    }
}
