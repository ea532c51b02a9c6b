//! Plays a turn: every line of the prompt is one command, and a line that is none is said back. Lines that harm are in
//! `hostile.rs`.
//!
//! | line | effect |
//! |---|---|
//! | `STREAM n [us]` | `n` message chunks `w1 `, `w2 `, …, with a pause of so many microseconds between them |
//! | `STAMP n [us [bytes]]` | `n` message chunks that begin with the time they were written at, one every so many microseconds |
//! | `MIX n [us [bytes]]` | the same, with every other chunk a thought |
//! | `SLOW` | a numbered token every 20 ms until cancelled |
//! | `THINK n` | `n` thought chunks |
//! | `PLAN` | a plan of two entries, twice |
//! | `PERM` | asks with all four kinds of options and says `chose ID`; waits for the answer even when it is cancelled, and answers `cancelled` only to a cancelled question |
//! | `ELICIT` | asks for a form and says what was answered |
//! | `TELL name` | says a variable of its environment in every way there is, and its length |
//! | `TELL-MCP` | likewise what its MCP servers were given |
//! | `TOOL` | a tool call from pending to completed |
//! | `TOOL UPDATE` | only a `tool_call_update`, with no `tool_call` before it |
//! | `TOOL OPEN` | a tool call that is never closed |
//! | `DIFF` | an edit with a diff |
//! | `READ path` · `WRITE path text…` | `fs/read_text_file` · `fs/write_text_file` through the client |
//! | `TERM program arg…` | runs a command in a terminal of the client and says its output |
//! | `UPDATE json` | a `session/update` with this update, which may be any |
//! | `ASK json` | asks for permission with this `toolCall` and these `options`, and says `chose ID` |
//! | `OUTPUT bytes` | a command that prints so much, in lines of a hundred bytes |
//! | `PAUSE ms` | nothing, for so long |
//! | `END reason` | ends the turn with this stop reason |
//! | `EXT` | an extension request, and says the error code that came back |
//! | `EXIT code` · `CRASH` | exits · aborts, in the middle of the turn |
//! | `FAIL code` | answers the prompt with an error |
//! | `HANG` | neither answers nor listens to a cancellation |
//! | `DAEMON [HOLD]` | starts four children that no signal but SIGKILL ends and says `daemons PID PID PID PID`; with `HOLD` they keep stdout open |
//! | `LINE n` | a valid message in one line of `n` bytes |
//! | `BADUTF8` | a message with invalid UTF-8 |
//! | `NONEWLINE` | half a line, then exits with 0 |
//! | `NONEWLINE n` | `n` bytes without a newline, then waits to be cancelled or left |
//! | `GARBAGE` | lines that are no messages, and messages that mean nothing |
//! | `STDERR n` | `n` bytes on stderr |
//! | `LATE` | an update after the turn has been answered |
//! | `TWICE` | answers the prompt twice |

use std::io::Write;
use std::time::Duration;

use serde_json::{Value, json};

use crate::stamps::Stamps;
use crate::wire::Incoming;
use crate::{Agent, child};

const SLOW_EVERY: Duration = Duration::from_millis(20);

/// How a command leaves its turn.
pub enum Flow {
    Go,
    /// The turn is answered with this stop reason, without the commands that follow.
    Stop(&'static str),
    /// The turn is answered with this error.
    Fail(i64),
}

/// What the client answered to one of the agent's requests.
enum Reply {
    Result(Value),
    Error(Value),
}

impl Agent {
    /// Plays a turn and answers it.
    pub fn turn(&mut self, id: &Value, session: &str, text: &str) {
        self.running = Some(session.to_owned());
        self.cancelled = false;
        let mut flow = Flow::Go;
        for line in text.lines() {
            flow = self.command(session, line);
            if !matches!(flow, Flow::Go) {
                break;
            }
            if self.cancelled {
                flow = Flow::Stop("cancelled");
                break;
            }
        }
        self.running = None;
        let answer = match flow {
            Flow::Go => json!({"stopReason": "end_turn"}),
            Flow::Stop(reason) => json!({"stopReason": reason}),
            Flow::Fail(code) => {
                let words = if code == -32000 { "Authentication required" } else { "told to fail" };
                self.wire.fail(id, code, words, &Value::Null);
                return;
            }
        };
        self.wire.respond(id, &answer);
        if text.lines().any(|line| line.trim() == "TWICE") {
            self.wire.respond(id, &answer);
        }
        if text.lines().any(|line| line.trim() == "LATE") {
            self.wire.say(session, "late");
            self.wire.flush();
        }
    }

    fn command(&mut self, session: &str, line: &str) -> Flow {
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |index: usize| words.get(index).and_then(|word| word.parse::<u64>().ok());
        match words[..] {
            ["STREAM", ..] => self.stream(session, number(1).unwrap_or(10), number(2)),
            ["STAMP" | "MIX", ..] => {
                let (count, every_us) = (number(1).unwrap_or(10), number(2).unwrap_or(0));
                let bytes = number(3).and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(0);
                let stamps = Stamps { count, every_us, bytes, mixed: words[0] == "MIX" };
                if self.stamps(session, &stamps) { Flow::Go } else { Flow::Stop("cancelled") }
            }
            ["SLOW"] => self.slow(session),
            ["THINK", ..] => self.think(session, number(1).unwrap_or(1)),
            ["PLAN"] => self.plan(session),
            ["PERM"] => self.permission(session),
            ["ELICIT"] => self.elicit(session),
            ["TELL", name] => self.tell_variable(session, name),
            ["TELL-MCP"] => self.tell_mcp(session),
            ["TOOL"] => self.tool(session, true, true),
            ["TOOL", "UPDATE"] => self.tool(session, false, true),
            ["TOOL", "OPEN"] => self.tool(session, true, false),
            ["DIFF"] => self.diff(session),
            ["READ", path] => self.report(session, "fs/read_text_file", json!({"path": path}), "content"),
            ["WRITE", path, ref text @ ..] => {
                let params = json!({"path": path, "content": text.join(" ")});
                self.report(session, "fs/write_text_file", params, "ok")
            }
            ["TERM", program, ref args @ ..] => self.terminal(session, program, args),
            ["EXT"] => self.report(session, "_fake/anything", json!({"a": 1}), "ok"),
            ["EXIT", ..] => {
                self.wire.flush();
                std::process::exit(number(1).and_then(|code| i32::try_from(code).ok()).unwrap_or(1))
            }
            ["CRASH"] => {
                self.wire.flush();
                std::process::abort()
            }
            ["UPDATE", ..] => self.free_update(session, line),
            ["ASK", ..] => self.free_question(session, line),
            ["OUTPUT", bytes] => self.output(session, bytes.parse().unwrap_or(1000)),
            ["PAUSE", ms] => match self.pause(Duration::from_millis(ms.parse().unwrap_or(0))) {
                true => Flow::Go,
                false => Flow::Stop("cancelled"),
            },
            ["END", "max_tokens"] => Flow::Stop("max_tokens"),
            ["END", "max_turn_requests"] => Flow::Stop("max_turn_requests"),
            ["END", "refusal"] => Flow::Stop("refusal"),
            ["END", ..] => Flow::Stop("end_turn"),
            ["FAIL", code] => Flow::Fail(code.parse().unwrap_or(-32603)),
            ["HANG"] => self.hang(),
            ["DAEMON", ref how @ ..] => self.daemons(session, how == ["HOLD"]),
            ["LINE", ..] => self.long_line(session, number(1).unwrap_or(1_000_000)),
            ["BADUTF8"] => self.bad_utf8(session),
            ["NONEWLINE"] => {
                self.wire.raw(b"{\"jsonrpc\":\"2.0\",\"method\":\"session/upd");
                std::process::exit(0)
            }
            ["NONEWLINE", ..] => self.endless_line(number(1).unwrap_or(1)),
            ["GARBAGE"] => self.garbage(session),
            ["STDERR", ..] => Self::stderr(number(1).unwrap_or(1000)),
            ["LATE" | "TWICE"] => Flow::Go,
            _ => self.harm(session, line).unwrap_or_else(|| {
                self.wire.say(session, &format!("echo: {line}"));
                Flow::Go
            }),
        }
    }

    /// Handles what has come in meanwhile; waits for it, if told to. Says whether the turn goes on.
    pub fn breathe(&mut self, wait: Option<Duration>) -> bool {
        let mut incoming = match wait {
            Some(wait) => self.wire.next(Some(wait)),
            None => self.wire.try_next(),
        };
        while let Some(message) = incoming {
            match message {
                Incoming::Message(message) => self.handle(&message),
                Incoming::NotJson(line) => self.wire.parse_error(&line),
                Incoming::Eof if self.flags.ignore_eof => {}
                Incoming::Eof => std::process::exit(0),
            }
            incoming = self.wire.try_next();
        }
        !self.cancelled
    }

    /// Lets time pass in a turn.
    pub fn pause(&mut self, time: Duration) -> bool {
        if self.wire.is_closed() {
            // Nothing can come any more, so that waiting for it would not take any time.
            self.wire.flush();
            child::wait_for(time);
            return true;
        }
        self.breathe(Some(time))
    }

    fn stream(&mut self, session: &str, count: u64, pause_us: Option<u64>) -> Flow {
        for n in 1..=count {
            let goes_on = match pause_us {
                Some(us) if n > 1 => self.pause(Duration::from_micros(us)),
                _ => self.breathe(None),
            };
            if !goes_on {
                return Flow::Stop("cancelled");
            }
            self.wire.say(session, &format!("w{n} "));
        }
        Flow::Go
    }

    fn slow(&mut self, session: &str) -> Flow {
        let mut n = 1;
        loop {
            self.wire.say(session, &format!("w{n} "));
            n += 1;
            if !self.pause(SLOW_EVERY) {
                return Flow::Stop("cancelled");
            }
        }
    }

    fn think(&mut self, session: &str, count: u64) -> Flow {
        for n in 1..=count {
            let content = json!({"type": "text", "text": format!("t{n} ")});
            self.wire.update(session, &json!({"sessionUpdate": "agent_thought_chunk", "content": content}));
        }
        Flow::Go
    }

    fn plan(&mut self, session: &str) -> Flow {
        for (first, second) in [("in_progress", "pending"), ("completed", "in_progress")] {
            let entries = json!([
                {"content": "first", "priority": "high", "status": first},
                {"content": "second", "priority": "low", "status": second},
            ]);
            self.wire.update(session, &json!({"sessionUpdate": "plan", "entries": entries}));
        }
        Flow::Go
    }

    /// Sends a request and waits for its answer, handling whatever else comes.
    fn ask(&mut self, session: &str, method: &str, mut params: Value) -> Reply {
        params["sessionId"] = json!(session);
        let id = self.wire.request(method, &params);
        loop {
            match self.wire.next(None) {
                Some(Incoming::Message(message)) if message.get("method").is_none() && message["id"] == id => {
                    return match message.get("error") {
                        Some(error) => Reply::Error(error.clone()),
                        None => Reply::Result(message["result"].clone()),
                    };
                }
                Some(Incoming::Message(message)) => self.handle(&message),
                Some(Incoming::NotJson(line)) => self.wire.parse_error(&line),
                Some(Incoming::Eof) if self.flags.ignore_eof => child::wait_for(Duration::from_secs(1)),
                Some(Incoming::Eof) => std::process::exit(0),
                None => {}
            }
        }
    }

    fn permission(&mut self, session: &str) -> Flow {
        let kinds = ["allow_once", "allow_always", "reject_once", "reject_always"];
        let options: Vec<Value> = kinds
            .iter()
            .map(|kind| json!({"optionId": kind, "name": format!("Option {kind}"), "kind": kind}))
            .collect();
        let call = json!({"toolCallId": "perm-1", "title": "Do something", "kind": "execute", "status": "pending"});
        let mut announced = call.clone();
        announced["sessionUpdate"] = json!("tool_call");
        self.wire.update(session, &announced);
        let params = json!({"toolCall": call, "options": options});
        let (status, flow) = match self.ask(session, "session/request_permission", params) {
            Reply::Result(result) if result["outcome"]["outcome"] == "selected" => {
                let chosen = result["outcome"]["optionId"].as_str().unwrap_or("nothing").to_owned();
                self.wire.say(session, &format!("chose {chosen}"));
                (if chosen.starts_with("allow") { "completed" } else { "failed" }, Flow::Go)
            }
            Reply::Result(_) => ("failed", Flow::Stop("cancelled")),
            Reply::Error(error) => {
                self.wire.say(session, &format!("error {}", error["code"]));
                ("failed", Flow::Go)
            }
        };
        let done = json!({"sessionUpdate": "tool_call_update", "toolCallId": "perm-1", "status": status});
        self.wire.update(session, &done);
        flow
    }

    /// Sends an update as the prompt has it.
    fn free_update(&mut self, session: &str, line: &str) -> Flow {
        let json = line.trim_start().strip_prefix("UPDATE").unwrap_or_default();
        match serde_json::from_str::<Value>(json) {
            Ok(update) => self.wire.update(session, &update),
            Err(error) => self.wire.say(session, &format!("no JSON: {error}")),
        }
        Flow::Go
    }

    /// Asks for permission as the prompt has it.
    fn free_question(&mut self, session: &str, line: &str) -> Flow {
        let json = line.trim_start().strip_prefix("ASK").unwrap_or_default();
        let params = match serde_json::from_str::<Value>(json) {
            Ok(params) => params,
            Err(error) => {
                self.wire.say(session, &format!("no JSON: {error}"));
                return Flow::Go;
            }
        };
        match self.ask(session, "session/request_permission", params) {
            Reply::Result(result) if result["outcome"]["outcome"] == "selected" => {
                self.wire
                    .say(session, &format!("chose {}", result["outcome"]["optionId"].as_str().unwrap_or("nothing")));
                Flow::Go
            }
            Reply::Result(_) => Flow::Stop("cancelled"),
            Reply::Error(error) => {
                self.wire.say(session, &format!("error {}", error["code"]));
                Flow::Go
            }
        }
    }

    fn output(&mut self, session: &str, bytes: usize) -> Flow {
        let lines = bytes / 100;
        let text: String = (1..=lines).map(|n| format!("{n:>10} {}\n", "x".repeat(88))).collect();
        let call = json!({
            "sessionUpdate": "tool_call", "toolCallId": format!("output-{bytes}"), "title": "print a lot", "kind": "execute",
            "status": "completed", "rawInput": {"command": "print a lot"},
            "content": [{"type": "content", "content": {"type": "text", "text": text}}],
        });
        self.wire.update(session, &call);
        Flow::Go
    }

    fn elicit(&mut self, session: &str) -> Flow {
        let schema = json!({"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]});
        let params = json!({"mode": "form", "message": "What is your name?", "requestedSchema": schema});
        let said = match self.ask(session, "elicitation/create", params) {
            Reply::Result(result) => format!("answered {result}"),
            Reply::Error(error) => format!("error {}", error["code"]),
        };
        self.wire.say(session, &said);
        Flow::Go
    }

    fn tool(&mut self, session: &str, announce: bool, close: bool) -> Flow {
        if announce {
            let call = json!({
                "sessionUpdate": "tool_call", "toolCallId": "tool-1", "title": "ls -l", "kind": "execute",
                "status": "pending", "rawInput": {"command": "ls -l"},
            });
            self.wire.update(session, &call);
        }
        let running = json!({"sessionUpdate": "tool_call_update", "toolCallId": "tool-1", "status": "in_progress"});
        self.wire.update(session, &running);
        if close {
            let done = json!({
                "sessionUpdate": "tool_call_update", "toolCallId": "tool-1", "status": "completed",
                "content": [{"type": "content", "content": {"type": "text", "text": "total 0"}}],
                "rawOutput": {"exit_code": 0},
            });
            self.wire.update(session, &done);
        }
        Flow::Go
    }

    fn diff(&mut self, session: &str) -> Flow {
        let call = json!({
            "sessionUpdate": "tool_call", "toolCallId": "diff-1", "title": "Edit a.txt", "kind": "edit",
            "status": "completed", "locations": [{"path": "/tmp/a.txt", "line": 1}],
            "content": [{"type": "diff", "path": "/tmp/a.txt", "oldText": "one\ntwo\n", "newText": "one\n2\nthree\n"}],
        });
        self.wire.update(session, &call);
        Flow::Go
    }

    /// Makes a request of the client and says what came back.
    fn report(&mut self, session: &str, method: &str, params: Value, field: &str) -> Flow {
        let said = match self.ask(session, method, params) {
            Reply::Result(result) => match result[field].as_str() {
                Some(text) => format!("got {text}"),
                None => "ok".to_owned(),
            },
            Reply::Error(error) => format!("error {}", error["code"]),
        };
        self.wire.say(session, &said);
        Flow::Go
    }

    fn terminal(&mut self, session: &str, program: &str, args: &[&str]) -> Flow {
        let terminal = match self.ask(session, "terminal/create", json!({"command": program, "args": args})) {
            Reply::Result(result) => result["terminalId"].clone(),
            Reply::Error(error) => {
                self.wire.say(session, &format!("error {}", error["code"]));
                return Flow::Go;
            }
        };
        let call = json!({
            "sessionUpdate": "tool_call", "toolCallId": "term-1", "title": program, "kind": "execute",
            "status": "in_progress", "content": [{"type": "terminal", "terminalId": terminal}],
        });
        self.wire.update(session, &call);
        let mut said = String::new();
        for method in ["terminal/wait_for_exit", "terminal/output", "terminal/release"] {
            let text = match self.ask(session, method, json!({"terminalId": terminal})) {
                Reply::Result(result) if method == "terminal/wait_for_exit" => {
                    format!("exit {} ", result["exitCode"])
                }
                Reply::Result(result) => result["output"].as_str().unwrap_or_default().to_owned(),
                Reply::Error(error) => format!("error {} ", error["code"]),
            };
            said.push_str(&text);
        }
        let done = json!({"sessionUpdate": "tool_call_update", "toolCallId": "term-1", "status": "completed"});
        self.wire.update(session, &done);
        self.wire.say(session, &said);
        Flow::Go
    }

    /// Goes on reading, so that nothing blocks the client, but answers nothing any more.
    fn hang(&mut self) -> Flow {
        loop {
            match self.wire.next(None) {
                Some(Incoming::Eof) if !self.flags.ignore_eof => std::process::exit(0),
                Some(Incoming::Eof) => child::wait_for(Duration::from_secs(60)),
                Some(Incoming::Message(_) | Incoming::NotJson(_)) | None => {}
            }
        }
    }

    fn daemons(&mut self, session: &str, hold: bool) -> Flow {
        let said = match child::start_all(&self.flags.marker, hold) {
            Ok(pids) => {
                let pids: Vec<String> = pids.iter().map(u32::to_string).collect();
                format!("daemons {}", pids.join(" "))
            }
            Err(error) => format!("no daemons: {error}"),
        };
        self.wire.say(session, &said);
        Flow::Go
    }

    fn long_line(&mut self, session: &str, bytes: u64) -> Flow {
        let message = |text: &str| {
            let content = json!({"type": "text", "text": text});
            let update = json!({"sessionUpdate": "agent_message_chunk", "content": content});
            let params = json!({"sessionId": session, "update": update});
            json!({"jsonrpc": "2.0", "method": "session/update", "params": params}).to_string()
        };
        let frame = message("").len();
        let padding = usize::try_from(bytes).unwrap_or(usize::MAX).saturating_sub(frame);
        let mut line = message(&"x".repeat(padding)).into_bytes();
        line.push(b'\n');
        self.wire.raw(&line);
        Flow::Go
    }

    fn bad_utf8(&mut self, session: &str) -> Flow {
        let content = json!({"type": "text", "text": "bad ? byte"});
        let update = json!({"sessionUpdate": "agent_message_chunk", "content": content});
        let params = json!({"sessionId": session, "update": update});
        let line = json!({"jsonrpc": "2.0", "method": "session/update", "params": params}).to_string();
        let mut bytes = line.into_bytes();
        for byte in bytes.iter_mut().filter(|byte| **byte == b'?') {
            *byte = 0xff;
        }
        bytes.push(b'\n');
        self.wire.raw(&bytes);
        Flow::Go
    }

    fn endless_line(&mut self, bytes: u64) -> Flow {
        let block = [b'x'; 64 * 1024];
        let mut left = usize::try_from(bytes).unwrap_or(usize::MAX);
        while left > 0 {
            let part = left.min(block.len());
            self.wire.raw(&block[..part]);
            left -= part;
        }
        while self.pause(Duration::from_secs(60)) {}
        // The answer must not become the end of that line.
        self.wire.raw(b"\n");
        Flow::Stop("cancelled")
    }

    fn garbage(&mut self, session: &str) -> Flow {
        self.wire.raw(b"this is not JSON\n{\"half\": \n[]\n42\nnull\n{}\n\n");
        self.wire.send(&json!({"jsonrpc": "1.0", "method": "session/update"}));
        self.wire.send(&json!({"jsonrpc": "2.0", "id": 987_654, "result": {}}));
        self.wire.notify("no/such/method", &json!({"a": 1}));
        self.wire.notify("_fake/extension", &json!({"a": 1}));
        self.wire.notify("session/update", &json!({"sessionId": session}));
        self.wire.update("fake-nobody", &json!({"sessionUpdate": "agent_message_chunk"}));
        self.wire.update(session, &json!({"sessionUpdate": "invented_update", "value": 1}));
        self.wire.update(session, &json!({"sessionUpdate": "agent_message_chunk", "content": 7}));
        self.wire.update(session, &json!({"sessionUpdate": "tool_call"}));
        self.wire.say(session, "still here");
        Flow::Go
    }

    fn stderr(bytes: u64) -> Flow {
        let mut err = std::io::stderr().lock();
        let mut left = usize::try_from(bytes).unwrap_or(usize::MAX);
        let line = [b'e'; 99];
        while left > 0 {
            let part = left.min(100);
            // A closed stderr is one more thing that may happen to an agent.
            let _ = err.write_all(&line[..part - 1]);
            let _ = err.write_all(b"\n");
            left -= part;
        }
        Flow::Go
    }
}
