//! The JSON Schema of the configuration's file, for editors.

use serde_json::{Map, Value, json};

use super::{Config, keys::KEYS, shown};

/// What a key takes.
enum Kind {
    Text,
    OneOf(&'static [&'static str]),
    Flag,
    Whole,
    Duration,
    Size,
    List,
    Table,
}

/// What a key takes and what it is for; none if there is no such key.
fn describe(key: &str) -> Option<(Kind, &'static str)> {
    Some(match key {
        "server.bind" => (Kind::Text, "Where the server listens, as ADDRESS:PORT; port 0 takes a free one"),
        "server.roots" => (Kind::List, "Directories that sessions may work in; ~ and $TMPDIR are understood"),
        "server.origins" => (Kind::List, "Origins beside the server's own that browsers may come from"),
        "server.trust_proxy" => (Kind::Flag, "A proxy with TLS stands before an address that is open to the network"),
        "server.log_format" => (Kind::OneOf(&["text", "json"]), "How servers and workers write their logs"),
        "server.log_level" => {
            (Kind::OneOf(&["error", "warn", "info", "debug", "trace"]), "What servers and workers log")
        }
        "client.url" => (Kind::Text, "The server that commands speak to; empty is the local one"),
        "client.token" => (Kind::Text, "Where its token is: env:NAME or file:PATH, never the token itself"),
        "client.autostart" => (Kind::Flag, "Whether commands start a local server when none runs"),
        "client.reconnect_timeout" => (Kind::Duration, "For how long commands wait for a server that went away"),
        "run.agent" => (Kind::Text, "The agent of new sessions"),
        "run.permissions" => (Kind::OneOf(&["deny", "ask", "reads", "all"]), "Who answers permission requests"),
        "run.timeout" => (Kind::Duration, "Wall clock for a turn; 0s is none"),
        "run.on_turn_end" => (Kind::OneOf(&["keep", "stop"]), "What becomes of a session when its turn ends"),
        "run.crash_policy" => {
            (Kind::OneOf(&["resume", "ask", "fail"]), "What becomes of a turn whose agent died with the prompt in hand")
        }
        "permissions.ask_timeout" => {
            (Kind::Duration, "How long a permission request waits before it is rejected; \"never\" waits for ever")
        }
        "permissions.bell" => (Kind::Flag, "Whether the terminal's bell rings when somebody is asked"),
        "ui.color" => (Kind::OneOf(&["auto", "always", "never"]), "When to use colors"),
        "ui.plain" => (Kind::Flag, "Words instead of signs, no live row"),
        "ui.thoughts" => (Kind::OneOf(&["folded", "full", "none"]), "How much is shown of the agent's thoughts"),
        "ui.tools" => (Kind::OneOf(&["short", "full", "none"]), "How much is shown of tool calls"),
        "ui.tool_lines" => (Kind::Whole, "Last lines shown of a tool's output"),
        "ui.diff_lines" => (Kind::Whole, "Lines shown of a file's change"),
        "ui.links" => (Kind::OneOf(&["text", "osc8"]), "How links are written"),
        "limits.sessions" => (Kind::Whole, "Sessions that may be live at once"),
        "limits.queue" => (Kind::Whole, "Prompts that may wait in a session"),
        "limits.prompt" => (Kind::Size, "The size of a prompt"),
        "limits.line" => (Kind::Size, "The size of a line that is taken from an agent"),
        "limits.hibernate_after" => {
            (Kind::Duration, "After so much idleness without anybody watching a session is put to sleep; 0s is never")
        }
        "limits.memory" => {
            (Kind::Size, "Memory of a worker's agents above which idle sessions are put to sleep; 0 is never")
        }
        "limits.inactivity_warn" => {
            (Kind::Duration, "After so long a turn in which nothing happens is warned of; 0s is never")
        }
        "limits.inactivity_timeout" => {
            (Kind::Duration, "After so long a turn in which nothing happens is cancelled; 0s is never")
        }
        "limits.requests" => (Kind::Whole, "Requests that a caller may make in a minute"),
        "limits.failed_auth" => (Kind::Whole, "Failed tries to get in from one address in a minute"),
        "limits.tree_processes" => (Kind::Whole, "Processes of an agent and all that it starts; 0 is no limit"),
        "limits.tree_memory" => (Kind::Size, "Memory of an agent and all that it starts; 0 is no limit"),
        "retention.older_than" => {
            (Kind::Duration, "Stopped sessions that nobody has used for so long are removed by themselves; 0s is never")
        }
        "retention.larger_than" => (Kind::Size, "Only those whose log takes more than this; 0 is any"),
        "retention.keep" => (Kind::Whole, "So many of the latest stopped sessions stay in any case"),
        "retention.archived_only" => (Kind::Flag, "Only sessions that are put away"),
        "ledger.dir" => (Kind::Text, "Where the ledger of each session is written when it stops; empty is nowhere"),
        "worker.name" => (Kind::Text, "The name of this machine's worker"),
        "worker.seats" => (Kind::Whole, "Attempts that it holds at once"),
        "worker.labels" => (Kind::Table, "Labels by which sessions may choose it"),
        "worker.start_timeout" => (Kind::Duration, "How long an agent may take to say hello"),
        "worker.sign_in_timeout" => (Kind::Duration, "How long an agent without a session waits for a sign-in"),
        "worker.downloads" => (Kind::Flag, "Whether agents may be started with npx and uvx, which download them"),
        "worker.registry" => (Kind::Text, "A registry of agents: an absolute path or a URL; empty is none"),
        "worker.sandbox" => (Kind::OneOf(&["none"]), "What confines agents"),
        _ => return None,
    })
}

/// The schema.
pub fn schema() -> Value {
    let defaults = Config::default();
    let mut sections: Map<String, Value> = Map::new();
    for key in KEYS {
        let (Some((section, name)), Some((kind, about))) = (key.split_once('.'), describe(key)) else { continue };
        let table = sections.entry(section).or_insert_with(|| closed(Map::new()));
        let mut value = of(kind);
        if let Some(fields) = value.as_object_mut() {
            fields.insert("description".to_owned(), about.into());
            fields.insert("default".to_owned(), shown::value(&defaults, key).unwrap_or_default());
        }
        if let Some(properties) = table["properties"].as_object_mut() {
            properties.insert(name.to_owned(), value);
        }
    }
    for (table, about) in [
        ("agents", "An agent of your own; it overrides one of that name in the catalogue"),
        ("mcp", "An MCP server, offered to sessions that name it"),
    ] {
        let command = json!({ "type": "array", "items": { "type": "string" }, "minItems": 1,
            "description": "The program and its arguments" });
        let env = json!({ "type": "object", "additionalProperties": { "type": "string" },
            "description": "Its environment: values, or env:NAME, which is resolved when it is started" });
        let mut entry = closed(Map::from_iter([("command".to_owned(), command), ("env".to_owned(), env)]));
        entry["required"] = json!(["command"]);
        entry["description"] = about.into();
        sections.insert(table.to_owned(), json!({ "type": "object", "additionalProperties": entry }));
    }
    let mut schema = closed(sections);
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    schema["title"] = "Convene's config.toml".into();
    schema
}

fn closed(properties: Map<String, Value>) -> Value {
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

fn of(kind: Kind) -> Value {
    match kind {
        Kind::Text => json!({ "type": "string" }),
        Kind::OneOf(words) => json!({ "enum": words }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Whole => json!({ "type": "integer", "minimum": 0 }),
        Kind::Duration => json!({ "type": "string", "examples": ["90s", "5m", "1h"] }),
        Kind::Size => json!({ "type": ["string", "integer"], "examples": ["1 MB", "512 kB"] }),
        Kind::List => json!({ "type": "array", "items": { "type": "string" } }),
        Kind::Table => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
    }
}
