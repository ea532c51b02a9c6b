//! An agent that cannot keep a secret: it says what it finds in its environment and what its MCP servers were given, in
//! one piece and in many, aloud and on stderr.

use serde_json::{Value, json};

use crate::{Agent, words::Flow};

/// How long a piece is that somebody who looks at pieces alone would take for a word.
const PIECE: usize = 5;

impl Agent {
    /// Says a variable in every way there is.
    pub fn tell_variable(&mut self, session: &str, name: &str) -> Flow {
        let value = std::env::var(name).unwrap_or_default();
        self.tell(session, &value);
        // The test looks for this: the value itself must not come, and yet be the right one.
        self.wire.say(session, &format!("{name} has {} letters, sum {}\n", value.chars().count(), sum(&value)));
        Flow::Go
    }

    /// Says what the MCP servers were given.
    pub fn tell_mcp(&mut self, session: &str) -> Flow {
        let mut values = Vec::new();
        for server in self.mcp_servers.as_array().into_iter().flatten() {
            for pair in ["env", "headers"].iter().filter_map(|field| server[field].as_array()).flatten() {
                values.extend(pair["value"].as_str().map(str::to_owned));
            }
        }
        for value in &values {
            self.tell(session, value);
        }
        let sums: Vec<String> = values.iter().map(|value| sum(value).to_string()).collect();
        self.wire.say(session, &format!("mcp sums {}\n", sums.join(" ")));
        Flow::Go
    }

    fn tell(&mut self, session: &str, value: &str) {
        self.wire.say(session, &format!("it is {value}, {{\"quoted\": {}}}\n", json!(value)));
        let letters: Vec<char> = value.chars().collect();
        for pieces in [1, 2, PIECE, letters.len() / 2 + 1] {
            self.wire.say(session, "in pieces: ");
            for piece in letters.chunks(pieces.max(1)) {
                self.wire.say(session, &piece.iter().collect::<String>());
            }
            self.wire.say(session, "\n");
        }
        let thought = json!({"type": "text", "text": value});
        self.wire.update(session, &json!({"sessionUpdate": "agent_thought_chunk", "content": thought}));
        self.tell_in_a_call(session, value);
        for piece in [value, "\n"] {
            eprint!("{piece}");
        }
    }

    /// In a tool call: as its input, as its title, as a text that grows by pieces, as raw output.
    fn tell_in_a_call(&mut self, session: &str, value: &str) {
        let title = format!("echo {value}");
        let call = json!({
            "sessionUpdate": "tool_call", "toolCallId": "tell-1", "title": title, "kind": "execute",
            "status": "in_progress", "rawInput": {"command": ["sh", "-c", format!("echo '{value}'")]},
            "locations": [{"path": format!("/tmp/{value}")}],
        });
        self.wire.update(session, &call);
        let letters: Vec<char> = value.chars().collect();
        for piece in letters.chunks(letters.len() / 2 + 1) {
            let piece: String = piece.iter().collect();
            let content = json!([{"type": "content", "content": {"type": "text", "text": piece}}]);
            let update = json!({
                "sessionUpdate": "tool_call_update", "toolCallId": "tell-1", "content": content,
                "rawOutput": {"delta": piece}, "_meta": {"terminal_output": {"data": piece}},
            });
            self.wire.update(session, &update);
        }
        let done = json!({
            "sessionUpdate": "tool_call_update", "toolCallId": "tell-1", "status": "completed",
            "content": [{"type": "diff", "path": "/tmp/a", "oldText": value, "newText": format!("KEY={value}\n")}],
            "rawOutput": {"stdout": value, "nested": json!({"deep": value}).to_string()},
        });
        self.wire.update(session, &done);
    }
}

/// By which a test knows that the value is the right one.
fn sum(value: &str) -> u64 {
    value.bytes().fold(7, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)) % 1_000_003)
}

/// What a session was opened with.
pub fn mcp_servers(params: &Value) -> Value {
    params["mcpServers"].clone()
}
