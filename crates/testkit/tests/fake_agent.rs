//! The fake agent does what its words and flags say.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(20);

struct Agent {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<Vec<u8>>,
    next_id: u64,
}

impl Agent {
    fn start(flags: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_fake-agent"))
            .args(flags)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            loop {
                let mut line = Vec::new();
                if stdout.read_until(b'\n', &mut line).unwrap_or(0) == 0 || sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { stdin: child.stdin.take(), child, lines, next_id: 0 }
    }

    /// Starts an agent and opens a session.
    fn ready(flags: &[&str]) -> (Self, String) {
        let mut agent = Self::start(flags);
        agent.initialize();
        let opened = agent.call("session/new", json!({"cwd": "/tmp", "mcpServers": []}));
        let session = opened["result"]["sessionId"].as_str().unwrap().to_owned();
        (agent, session)
    }

    fn initialize(&mut self) -> Value {
        self.call("initialize", json!({"protocolVersion": 1, "clientCapabilities": {}}))
    }

    fn write(&mut self, message: &Value) {
        let stdin = self.stdin.as_mut().unwrap();
        writeln!(stdin, "{message}").unwrap();
        stdin.flush().unwrap();
    }

    fn request(&mut self, method: &str, params: Value) -> u64 {
        self.next_id += 1;
        let id = self.next_id;
        self.write(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        id
    }

    fn prompt(&mut self, session: &str, text: &str) -> u64 {
        let blocks = json!([{"type": "text", "text": text}]);
        self.request("session/prompt", json!({"sessionId": session, "prompt": blocks}))
    }

    fn cancel(&mut self, session: &str) {
        self.write(&json!({"jsonrpc": "2.0", "method": "session/cancel", "params": {"sessionId": session}}));
    }

    fn line(&self) -> Vec<u8> {
        self.lines.recv_timeout(PATIENCE).expect("a line")
    }

    fn message(&self) -> Value {
        let line = self.line();
        serde_json::from_slice(&line).unwrap_or_else(|_| panic!("no JSON: {}", String::from_utf8_lossy(&line)))
    }

    /// Reads up to the answer to a request; also returns what came before it.
    fn answer(&self, id: u64) -> (Vec<Value>, Value) {
        let mut before = Vec::new();
        loop {
            let message = self.message();
            if message["id"] == id && message.get("method").is_none() {
                return (before, message);
            }
            before.push(message);
        }
    }

    fn call(&mut self, method: &str, params: Value) -> Value {
        let id = self.request(method, params);
        self.answer(id).1
    }

    /// Plays a prompt to its end: all the text that was said, and the answer.
    fn play(&mut self, session: &str, text: &str) -> (String, Value) {
        let id = self.prompt(session, text);
        let (before, answer) = self.answer(id);
        (said(&before), answer)
    }

    fn exit(mut self) -> ExitStatus {
        drop(self.stdin.take());
        self.exited()
    }

    fn exited(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the agent does not exit");
            std::thread::yield_now();
        }
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn said(messages: &[Value]) -> String {
    messages
        .iter()
        .map(|message| &message["params"]["update"])
        .filter(|update| update["sessionUpdate"] == "agent_message_chunk")
        .filter_map(|update| update["content"]["text"].as_str())
        .collect()
}

fn kinds(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["params"]["update"]["sessionUpdate"].as_str().unwrap()).collect()
}

#[test]
fn a_stream_is_numbered_and_an_unknown_line_is_said_back() {
    let (mut agent, session) = Agent::ready(&[]);
    let (text, answer) = agent.play(&session, "STREAM 1000\nhello there");
    let expected: String = (1..=1000).map(|n| format!("w{n} ")).collect();
    assert_eq!(text, expected + "echo: hello there");
    assert_eq!(answer["result"]["stopReason"], "end_turn");
    let (text, _) = agent.play(&session, "STREAM 3 100");
    assert_eq!(text, "w1 w2 w3 ");
    assert!(agent.exit().success());
}

#[test]
fn slow_streams_until_cancelled_and_refuses_a_second_prompt() {
    let (mut agent, session) = Agent::ready(&[]);
    let id = agent.prompt(&session, "SLOW");
    assert_eq!(said(&[agent.message()]), "w1 ");
    let second = agent.prompt(&session, "hello");
    assert_eq!(agent.answer(second).1["error"]["code"], -32603);
    agent.cancel(&session);
    assert_eq!(agent.answer(id).1["result"]["stopReason"], "cancelled");
    assert_eq!(agent.play(&session, "hello").0, "echo: hello");
}

#[test]
fn permission_waits_for_the_answer_even_when_cancelled() {
    let (mut agent, session) = Agent::ready(&[]);
    let ask = |agent: &mut Agent| {
        let id = agent.prompt(&session, "PERM");
        assert_eq!(agent.message()["params"]["update"]["sessionUpdate"], "tool_call");
        let question = agent.message();
        assert_eq!(question["method"], "session/request_permission");
        assert_eq!(question["params"]["options"].as_array().unwrap().len(), 4);
        (id, question["id"].clone())
    };
    let (id, question) = ask(&mut agent);
    let outcome = json!({"outcome": {"outcome": "selected", "optionId": "reject_once"}});
    agent.write(&json!({"jsonrpc": "2.0", "id": question, "result": outcome}));
    let (before, answer) = agent.answer(id);
    assert_eq!(said(&before), "chose reject_once");
    assert_eq!(answer["result"]["stopReason"], "end_turn");

    let (id, question) = ask(&mut agent);
    agent.cancel(&session);
    // Another request is answered, the cancelled turn is not.
    let other = agent.request("session/set_mode", json!({"sessionId": session, "modeId": "code"}));
    assert!(agent.answer(other).0.is_empty());
    let outcome = json!({"outcome": {"outcome": "cancelled"}});
    agent.write(&json!({"jsonrpc": "2.0", "id": question, "result": outcome}));
    assert_eq!(agent.answer(id).1["result"]["stopReason"], "cancelled");
}

#[test]
fn tools_diffs_plans_and_client_requests() {
    let (mut agent, session) = Agent::ready(&[]);
    let id = agent.prompt(&session, "TOOL\nTOOL UPDATE\nTOOL OPEN\nDIFF\nPLAN\nTHINK 2");
    let (before, _) = agent.answer(id);
    let (call, update) = ("tool_call", "tool_call_update");
    assert_eq!(
        kinds(&before),
        [
            call,
            update,
            update,
            update,
            update,
            call,
            update,
            call,
            "plan",
            "plan",
            "agent_thought_chunk",
            "agent_thought_chunk"
        ]
    );
    let id = agent.prompt(&session, "READ /etc/hostname\nEXT");
    let read = agent.message();
    assert_eq!(read["method"], "fs/read_text_file");
    assert_eq!(read["params"]["sessionId"], session);
    agent.write(&json!({"jsonrpc": "2.0", "id": read["id"], "result": {"content": "host"}}));
    assert_eq!(said(&[agent.message()]), "got host");
    let ext = agent.message();
    let error = json!({"code": -32601, "message": "Method not found"});
    agent.write(&json!({"jsonrpc": "2.0", "id": ext["id"], "error": error}));
    assert_eq!(said(&agent.answer(id).0), "error -32601");
}

#[test]
fn requests_are_validated() {
    let mut agent = Agent::start(&[]);
    let early = agent.call("session/new", json!({"cwd": "/tmp", "mcpServers": []}));
    assert_eq!(early["error"]["code"], -32600);
    agent.initialize();
    assert_eq!(agent.initialize()["error"]["code"], -32600);
    let relative = agent.call("session/new", json!({"cwd": "tmp", "mcpServers": []}));
    assert_eq!(relative["error"]["data"]["field"], "cwd");
    let incomplete = agent.call("session/new", json!({"cwd": "/tmp"}));
    assert_eq!(incomplete["error"]["data"]["field"], "mcpServers");
    let prompt = agent.prompt("nobody", "hello");
    let unknown = agent.answer(prompt).1;
    assert_eq!(unknown["error"]["code"], -32002);
    assert_eq!(unknown["error"]["data"]["sessionId"], "nobody");
    assert_eq!(agent.call("no/such", json!({}))["error"]["code"], -32601);
    agent.write(&json!({"id": 99, "method": "initialize"}));
    assert_eq!(agent.answer(99).1["error"]["code"], -32600);
    writeln!(agent.stdin.as_mut().unwrap(), "nonsense").unwrap();
    assert_eq!(agent.message()["error"]["code"], -32700);
}

#[test]
fn sessions_of_earlier_processes_are_loaded_and_resumed_unless_told_not_to() {
    let mut agent = Agent::start(&[]);
    let caps = agent.initialize()["result"]["agentCapabilities"].clone();
    assert_eq!(caps["loadSession"], true);
    let id = agent.request("session/load", json!({"sessionId": "fake-1-1", "cwd": "/tmp", "mcpServers": []}));
    assert_eq!(kinds(&agent.answer(id).0), ["user_message_chunk", "agent_message_chunk"]);
    let foreign = agent.call("session/resume", json!({"sessionId": "x", "cwd": "/tmp", "mcpServers": []}));
    assert_eq!(foreign["error"]["code"], -32002);
    let id = agent.request("session/resume", json!({"sessionId": "fake-2", "cwd": "/tmp", "mcpServers": []}));
    assert!(agent.answer(id).0.is_empty());
    assert_eq!(agent.play("fake-2", "hello").0, "echo: hello");

    let mut agent = Agent::start(&["--no-load"]);
    let caps = agent.initialize()["result"]["agentCapabilities"].clone();
    assert_eq!(caps, json!({"loadSession": false, "sessionCapabilities": {"close": {}}}));
    let load = agent.call("session/load", json!({"sessionId": "fake-1-1", "cwd": "/tmp", "mcpServers": []}));
    assert_eq!(load["error"]["code"], -32601);
}

#[test]
fn signing_in_and_protocol_versions() {
    let mut agent = Agent::start(&["--auth", "--protocol", "7"]);
    let initialized = agent.initialize();
    assert_eq!(initialized["result"]["protocolVersion"], 7);
    assert_eq!(initialized["result"]["authMethods"][0]["id"], "fake-login");
    let open = json!({"cwd": "/tmp", "mcpServers": []});
    assert_eq!(agent.call("session/new", open.clone())["error"]["code"], -32000);
    assert_eq!(agent.call("authenticate", json!({"methodId": "x"}))["error"]["code"], -32602);
    agent.call("authenticate", json!({"methodId": "fake-login"}));
    assert!(agent.call("session/new", open)["result"]["sessionId"].is_string());
}

#[test]
fn the_ways_to_die() {
    let (mut agent, session) = Agent::ready(&[]);
    agent.prompt(&session, "STREAM 2\nEXIT 7");
    assert_eq!(said(&[agent.message(), agent.message()]), "w1 w2 ");
    assert_eq!(agent.exited().code(), Some(7));

    let (mut agent, session) = Agent::ready(&[]);
    agent.prompt(&session, "CRASH");
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&agent.exited()), Some(6));

    let (mut agent, session) = Agent::ready(&[]);
    agent.prompt(&session, "NONEWLINE");
    assert!(agent.exited().success());
    assert!(!agent.line().ends_with(b"\n"));

    let mut agent = Agent::start(&["--exit-at-start", "3"]);
    assert_eq!(agent.exited().code(), Some(3));
    let mut complaint = String::new();
    agent.child.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
    assert!(complaint.contains("told to exit"));

    let mut agent = Agent::start(&["--nonsense"]);
    assert_eq!(agent.exited().code(), Some(2));
}

#[test]
fn a_hung_agent_answers_nothing_but_leaves_at_eof() {
    let (mut agent, session) = Agent::ready(&[]);
    agent.prompt(&session, "HANG");
    agent.cancel(&session);
    agent.request("session/new", json!({"cwd": "/tmp", "mcpServers": []}));
    assert!(agent.lines.recv_timeout(Duration::from_millis(100)).is_err());
    assert!(agent.exit().success());

    let mut agent = Agent::start(&["--no-initialize"]);
    agent.request("initialize", json!({"protocolVersion": 1}));
    assert!(agent.lines.recv_timeout(Duration::from_millis(100)).is_err());
}

#[test]
fn deafness_to_sigterm_and_eof() {
    let (mut agent, session) = Agent::ready(&["--ignore-sigterm", "--ignore-eof"]);
    let id = agent.prompt(&session, "STREAM 1");
    rustix::process::kill_process(agent.pid(), Signal::TERM).unwrap();
    agent.answer(id);
    let id = agent.prompt(&session, "SLOW");
    agent.message();
    drop(agent.stdin.take());
    for _ in 0..5 {
        agent.message();
    }
    let _ = id;
    assert!(agent.child.try_wait().unwrap().is_none());
}

#[test]
fn noise_on_the_wire() {
    let (mut agent, session) = Agent::ready(&["--start-after", "1"]);
    let id = agent.prompt(&session, "LINE 100000");
    let line = agent.line();
    assert_eq!(line.len(), 100_001);
    serde_json::from_slice::<Value>(&line).unwrap();
    agent.answer(id);

    let id = agent.prompt(&session, "BADUTF8");
    let line = agent.line();
    assert!(std::str::from_utf8(&line).is_err() && line.ends_with(b"\n"));
    agent.answer(id);

    agent.prompt(&session, "GARBAGE");
    assert_eq!(agent.line(), b"this is not JSON\n");
    while said(&serde_json::from_slice::<Value>(&agent.line()).into_iter().collect::<Vec<_>>()) != "still here" {}
    agent.line();

    let id = agent.prompt(&session, "NONEWLINE 200000");
    agent.cancel(&session);
    assert_eq!(agent.line().len(), 200_001);
    assert_eq!(agent.answer(id).1["result"]["stopReason"], "cancelled");

    let id = agent.prompt(&session, "TWICE\nLATE");
    agent.answer(id);
    agent.answer(id);
    assert_eq!(said(&[agent.message()]), "late");

    let id = agent.prompt(&session, "STDERR 250");
    agent.answer(id);
    let mut stderr = agent.child.stderr.take().unwrap();
    drop(agent.stdin.take());
    let mut text = Vec::new();
    stderr.read_to_end(&mut text).unwrap();
    assert_eq!(text.len(), 250);

    let agent = Agent::start(&["--banner"]);
    assert!(agent.line().starts_with(b"Welcome"));
}

#[test]
fn receipts_count_hand_overs() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("receipts");
    let (mut agent, session) = Agent::ready(&["--receipts", path.to_str().unwrap()]);
    agent.play(&session, "one\ntwo");
    agent.play("nobody", "three");
    let receipts = std::fs::read_to_string(&path).unwrap();
    assert_eq!(receipts, format!("\"{session}\"\t\"one\\ntwo\"\n\"nobody\"\t\"three\"\n"));
}

#[test]
fn daemons_survive_sigterm_and_are_found_by_their_marker() {
    let marker = format!("marker-{}", std::process::id());
    let (mut agent, session) = Agent::ready(&["--marker", &marker]);
    let own_group = rustix::process::getpgrp();
    let (text, _) = agent.play(&session, "DAEMON HOLD");
    let pids: Vec<i32> = text.strip_prefix("daemons ").unwrap().split(' ').map(|pid| pid.parse().unwrap()).collect();
    let killer = Killer(pids.iter().map(|pid| Pid::from_raw(*pid).unwrap()).collect());
    assert_eq!(killer.0.len(), 4);
    let agent_pid = agent.pid();
    agent.child.kill().unwrap();
    agent.child.wait().unwrap();
    for pid in &killer.0 {
        rustix::process::kill_process(*pid, Signal::TERM).unwrap();
        let cmdline = std::fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())).unwrap();
        assert!(String::from_utf8_lossy(&cmdline).contains(&marker));
    }
    let groups: Vec<Pid> = killer.0.iter().map(|pid| rustix::process::getpgid(Some(*pid)).unwrap()).collect();
    assert_eq!(groups[0], own_group, "the plain child stays");
    assert!(groups[1..].iter().zip(&killer.0[1..]).all(|(group, pid)| group == pid), "the others lead their own");
    let environment = std::fs::read(format!("/proc/{}/environ", killer.0[3].as_raw_nonzero())).unwrap();
    assert!(environment.is_empty());
    let parent = parent_of(killer.0[2]);
    assert_ne!(parent, agent_pid.as_raw_nonzero().get(), "the double fork has left");
    // They hold stdout, so that there is no end to it though the agent is dead.
    assert!(matches!(
        agent.lines.recv_timeout(Duration::from_millis(100)),
        Err(std::sync::mpsc::RecvTimeoutError::Timeout)
    ));
    drop(killer);
    assert!(matches!(agent.lines.recv_timeout(PATIENCE), Err(std::sync::mpsc::RecvTimeoutError::Disconnected)));
}

fn parent_of(pid: Pid) -> i32 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap();
    let fields = stat.rsplit_once(')').unwrap().1;
    fields.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Leaves none of them behind, whatever the test does.
struct Killer(Vec<Pid>);

impl Drop for Killer {
    fn drop(&mut self) {
        for pid in &self.0 {
            let _ = rustix::process::kill_process(*pid, Signal::KILL);
        }
    }
}
