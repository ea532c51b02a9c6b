//! Validates what the agent is sent, and answers everything but the contents of a turn.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};

use crate::Agent;

const INVALID_REQUEST: i64 = -32600;
const UNKNOWN_METHOD: i64 = -32601;
const INVALID_PARAMS: i64 = -32602;
const INTERNAL: i64 = -32603;
const AUTH_REQUIRED: i64 = -32000;
const NOT_FOUND: i64 = -32002;
const LOGIN: &str = "fake-login";

/// An error to answer with.
struct Refusal {
    code: i64,
    message: &'static str,
    data: Value,
}

fn refuse<T>(code: i64, message: &'static str, data: Value) -> Result<T, Refusal> {
    Err(Refusal { code, message, data })
}

impl Agent {
    /// Handles a message, also while a turn runs; answers to the agent's own requests do not come here.
    pub fn handle(&mut self, message: &Value) {
        let id = message.get("id");
        if message["jsonrpc"] != "2.0" {
            let id = id.cloned().unwrap_or(Value::Null);
            self.wire.fail(&id, INVALID_REQUEST, "Invalid request", &json!({"problem": "jsonrpc is not 2.0"}));
            return;
        }
        let Some(method) = message["method"].as_str() else {
            // An answer that nobody waits for.
            eprintln!("fake-agent: stray message {message}");
            return;
        };
        let params = &message["params"];
        let Some(id) = id else {
            self.notified(method, params);
            return;
        };
        if method == "initialize" && self.flags.no_initialize {
            return;
        }
        if method == "session/prompt" {
            match self.accept_prompt(params) {
                Ok((session, text)) => self.turn(id, &session, &text),
                Err(refusal) => self.wire.fail(id, refusal.code, refusal.message, &refusal.data),
            }
            return;
        }
        match self.answer(method, params) {
            Ok(result) if method == "session/load" && self.flags.late_replay => {
                self.wire.respond(id, &result);
                let session = params["sessionId"].as_str().unwrap_or_default().to_owned();
                self.replay(&session);
                // By which a test knows that it is over.
                let commands = json!([{"name": "replayed", "description": "The replay is over"}]);
                let update = json!({"sessionUpdate": "available_commands_update", "availableCommands": commands});
                self.wire.update(&session, &update);
                self.wire.flush();
            }
            Ok(result) => self.wire.respond(id, &result),
            Err(refusal) => self.wire.fail(id, refusal.code, refusal.message, &refusal.data),
        }
    }

    fn notified(&mut self, method: &str, params: &Value) {
        if method == "session/cancel" {
            match self.running.as_deref() {
                Some(running) if params["sessionId"] == running => self.cancelled = true,
                _ => eprintln!("fake-agent: nothing to cancel in {}", params["sessionId"]),
            }
        } else {
            eprintln!("fake-agent: notification {method}");
        }
    }

    fn answer(&mut self, method: &str, params: &Value) -> Result<Value, Refusal> {
        if method == "initialize" {
            return self.initialize(params);
        }
        self.must_be_initialized()?;
        match method {
            "authenticate" if params["methodId"] == LOGIN => {
                self.authenticated = true;
                Ok(json!({}))
            }
            "authenticate" if params["methodId"] == "fake-key" && std::env::var_os("FAKE_API_KEY").is_some() => {
                self.authenticated = true;
                Ok(json!({}))
            }
            "authenticate" if params["methodId"] == "fake-broken" => {
                refuse(INTERNAL, "Internal error", json!({"details": "the login is out of order"}))
            }
            "authenticate" => refuse(INVALID_PARAMS, "Invalid params", json!({"field": "methodId"})),
            "session/new" => {
                self.check_opening(params)?;
                self.mcp_servers = crate::secrets::mcp_servers(params);
                let id = format!("fake-{}-{}", std::process::id(), self.sessions.len() + 1);
                self.open(&id);
                Ok(self.session_state(&id, json!({"sessionId": id})))
            }
            "session/load" if !self.flags.no_load => {
                let id = self.reopen(params)?;
                self.mcp_servers = crate::secrets::mcp_servers(params);
                if !self.flags.late_replay {
                    self.replay(&id);
                }
                Ok(self.session_state(&id, json!({})))
            }
            "session/resume" if !self.flags.no_load && !self.flags.no_resume => {
                let id = self.reopen(params)?;
                self.mcp_servers = crate::secrets::mcp_servers(params);
                Ok(self.session_state(&id, json!({})))
            }
            "session/fork" if self.flags.fork => {
                let source = self.reopen(params)?;
                self.sessions.retain(|(known, _)| *known != source);
                let id = format!("fake-fork-{}-{}", std::process::id(), self.sessions.len() + 1);
                self.open(&id);
                self.wire.say(&id, "earlier answer of a fork");
                Ok(self.session_state(&id, json!({"sessionId": id})))
            }
            "session/close" => {
                let id = self.known_session(params)?;
                self.sessions.retain(|(known, _)| *known != id);
                Ok(json!({}))
            }
            "session/set_mode" => {
                let id = self.known_session(params)?;
                let Some(mode) = params["modeId"].as_str().filter(|mode| ["ask", "code"].contains(mode)) else {
                    return refuse(INVALID_PARAMS, "Invalid params", json!({"field": "modeId"}));
                };
                for (_, current) in self.sessions.iter_mut().filter(|(known, _)| *known == id) {
                    mode.clone_into(current);
                }
                Ok(json!({}))
            }
            _ => refuse(UNKNOWN_METHOD, "Method not found", json!({"method": method})),
        }
    }

    fn initialize(&mut self, params: &Value) -> Result<Value, Refusal> {
        if !params["protocolVersion"].is_u64() {
            return refuse(INVALID_PARAMS, "Invalid params", json!({"field": "protocolVersion"}));
        }
        if self.initialized {
            return refuse(INVALID_REQUEST, "Invalid request", json!({"problem": "initialized twice"}));
        }
        self.initialized = true;
        let auth = if self.flags.auth {
            json!([
                {"id": LOGIN, "name": "Fake login", "description": "Always works"},
                {"id": "fake-key", "name": "Fake key", "description": "Takes `FAKE_API_KEY` from the environment"},
                {"id": "fake-broken", "name": "Fake broken login", "description": "Never works"},
                {"id": "fake-terminal", "name": "Fake terminal login", "type": "terminal", "args": ["--sign-in"]},
            ])
        } else {
            json!([])
        };
        let mut sessions = json!({"close": {}});
        if !self.flags.no_load && !self.flags.no_resume {
            sessions["resume"] = json!({});
        }
        if self.flags.fork {
            sessions["fork"] = json!({});
        }
        Ok(json!({
            "protocolVersion": self.flags.protocol,
            "agentInfo": {"name": "fake-agent", "title": "Fake agent", "version": "1.0.0"},
            "agentCapabilities": {"loadSession": !self.flags.no_load, "sessionCapabilities": sessions},
            "authMethods": auth,
        }))
    }

    fn must_be_initialized(&self) -> Result<(), Refusal> {
        if self.initialized {
            return Ok(());
        }
        refuse(INVALID_REQUEST, "Invalid request", json!({"problem": "initialize comes first"}))
    }

    fn check_opening(&self, params: &Value) -> Result<(), Refusal> {
        if self.flags.auth && !self.authenticated {
            return refuse(AUTH_REQUIRED, "Authentication required", json!({"authMethods": [{"id": LOGIN}]}));
        }
        let cwd = params["cwd"].as_str().unwrap_or_default();
        if !Path::new(cwd).is_absolute() {
            return refuse(INVALID_PARAMS, "Invalid params", json!({"field": "cwd", "problem": "not absolute"}));
        }
        if !params["mcpServers"].is_array() {
            return refuse(INVALID_PARAMS, "Invalid params", json!({"field": "mcpServers"}));
        }
        Ok(())
    }

    fn open(&mut self, id: &str) {
        self.sessions.retain(|(known, _)| known != id);
        self.sessions.push((id.to_owned(), "ask".to_owned()));
    }

    /// Opens a session of an earlier process: whatever looks like one of this agent's ids is known.
    fn reopen(&mut self, params: &Value) -> Result<String, Refusal> {
        self.check_opening(params)?;
        let id = params["sessionId"].as_str().unwrap_or_default().to_owned();
        if self.flags.lost {
            return refuse(INVALID_PARAMS, "Invalid session identifier", json!({"sessionId": id}));
        }
        if !id.starts_with("fake-") {
            return refuse(NOT_FOUND, "Resource not found", json!({"sessionId": id}));
        }
        self.open(&id);
        Ok(id)
    }

    /// What `session/load` tells of earlier turns: always the same.
    fn replay(&mut self, id: &str) {
        let user = json!({"type": "text", "text": "earlier prompt"});
        self.wire.update(id, &json!({"sessionUpdate": "user_message_chunk", "content": user}));
        self.wire.say(id, "earlier answer");
    }

    fn session_state(&self, id: &str, mut response: Value) -> Value {
        let mode = self.sessions.iter().find(|(known, _)| known == id).map_or("ask", |(_, mode)| mode);
        response["modes"] = json!({
            "currentModeId": mode,
            "availableModes": [{"id": "ask", "name": "Ask"}, {"id": "code", "name": "Code"}],
        });
        response
    }

    fn known_session(&self, params: &Value) -> Result<String, Refusal> {
        let id = params["sessionId"].as_str().unwrap_or_default();
        if self.sessions.iter().any(|(known, _)| known == id) {
            return Ok(id.to_owned());
        }
        refuse(NOT_FOUND, "Resource not found", json!({"sessionId": id}))
    }

    /// Takes a prompt: writes the receipt before anything else can go wrong.
    fn accept_prompt(&mut self, params: &Value) -> Result<(String, String), Refusal> {
        let blocks = params["prompt"].as_array().cloned().unwrap_or_default();
        let texts: Vec<&str> = blocks.iter().filter_map(|block| block["text"].as_str()).collect();
        let text = texts.join("\n");
        if let Some(path) = &self.flags.receipts {
            let line = format!("{}\t{}\n", params["sessionId"], json!(text));
            let written = OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .and_then(|mut file| file.write_all(line.as_bytes()));
            if let Err(error) = written {
                eprintln!("fake-agent: no receipt: {error}");
            }
        }
        self.must_be_initialized()?;
        let session = self.known_session(params)?;
        if blocks.is_empty() || blocks.iter().any(|block| !block["type"].is_string()) {
            return refuse(INVALID_PARAMS, "Invalid params", json!({"field": "prompt"}));
        }
        if self.running.is_some() {
            return refuse(INTERNAL, "A turn is already running", json!({"sessionId": session}));
        }
        Ok((session, text))
    }
}
