//! Finds the tool that runs commands among those a request offers, and calls it the way its schema wants.

use serde_json::{Map, Value, json};

use crate::{
    plan::Call,
    schema,
    talk::{Talk, Tool, ToolKind},
};

/// What agents call their shell, the likeliest first.
const NAMES: [&str; 16] = [
    "Bash",
    "bash",
    "exec_command",
    "shell_command",
    "shell",
    "local_shell",
    "run_shell_command",
    "container.exec",
    PROGRAMS,
    "execute_bash",
    "run_terminal_cmd",
    "run_in_terminal",
    "execute_command",
    "run_command",
    "terminal",
    "Shell",
];
/// Codex's tool that takes programs, which call its other tools.
const PROGRAMS: &str = "exec";
/// What the argument with the command is called.
const ARGUMENTS: [&str; 6] = ["command", "cmd", "commands", "script", "command_line", "code"];

/// The tool that runs commands, if there is one.
pub fn find(talk: &Talk) -> Option<&Tool> {
    let runs = |tool: &&Tool| takes_command(tool);
    let named = NAMES.iter().find_map(|name| talk.tools.iter().filter(runs).find(|tool| tool.name == *name));
    named.or_else(|| {
        let like = |tool: &&Tool| {
            let name = tool.name.to_ascii_lowercase();
            ["bash", "shell", "exec", "terminal", "run_command"].iter().any(|part| name.contains(part))
        };
        talk.tools.iter().filter(runs).find(like)
    })
}

fn takes_command(tool: &Tool) -> bool {
    match tool.kind {
        ToolKind::Function => argument(tool).is_some(),
        ToolKind::Custom | ToolKind::LocalShell | ToolKind::Shell | ToolKind::Bash => true,
        ToolKind::Hosted => false,
    }
}

fn argument(tool: &Tool) -> Option<&'static str> {
    ARGUMENTS.into_iter().find(|name| tool.schema["properties"].get(name).is_some())
}

/// A call of the tool with this command. `outside` asks to leave the agent's sandbox, where the tool has a word for that.
pub fn call(tool: &Tool, command: &str, outside: bool) -> Call {
    let input = match tool.kind {
        ToolKind::Custom if tool.name == PROGRAMS => json!(program(command, outside)),
        ToolKind::Custom => json!(command),
        ToolKind::LocalShell => json!({"type": "exec", "command": ["bash", "-lc", command], "env": {}}),
        ToolKind::Shell => json!({"commands": [command], "timeout_ms": null, "max_output_length": null}),
        ToolKind::Bash => json!({ "command": command }),
        ToolKind::Function | ToolKind::Hosted => arguments(tool, command, outside),
    };
    Call::new(tool.name.clone(), tool.kind, input)
}

/// A program in JavaScript that runs a command and tells its output.
fn program(command: &str, outside: bool) -> String {
    let mut given = json!({ "cmd": command });
    if outside {
        given["sandbox_permissions"] = json!("require_escalated");
        given["justification"] = json!(format!("May I run {command}?"));
    }
    format!("const result = await tools.exec_command({given});\ntext(result.output ?? result);")
}

fn arguments(tool: &Tool, command: &str, outside: bool) -> Value {
    let properties = &tool.schema["properties"];
    let name = argument(tool).unwrap_or("command");
    let given = if schema::type_of(&properties[name]) == "array" {
        if name == "commands" { json!([command]) } else { json!(["bash", "-lc", command]) }
    } else {
        json!(command)
    };
    let mut input = Map::from_iter([(name.to_owned(), given)]);
    if outside && properties.get("sandbox_permissions").is_some() {
        input.insert("sandbox_permissions".to_owned(), json!("require_escalated"));
        input.insert("justification".to_owned(), json!(format!("May I run {command}?")));
    }
    let required = tool.schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    for name in required.iter().filter_map(Value::as_str) {
        let property = &properties[name];
        input.entry(name).or_insert_with(|| match schema::type_of(property).as_str() {
            // A limit in milliseconds more often than not.
            "integer" | "number" if property.get("enum").is_none() => json!(10_000),
            _ => schema::property(property, name, command),
        });
    }
    Value::Object(input)
}
