//! Reads a request and refuses what the real API refuses, in its words.

use serde_json::{Value, json};

use crate::{
    fault::Fault,
    talk::{Forced, Message, Part, Provider, Role, Talk, Tool, ToolKind},
};

/// What a part may hold, one of them.
const DATA: [&str; 8] = [
    "text",
    "functionCall",
    "functionResponse",
    "inlineData",
    "fileData",
    "executableCode",
    "codeExecutionResult",
    "toolCall",
];
/// What may stand beside it.
const BESIDE: [&str; 5] = ["thought", "thoughtSignature", "videoMetadata", "partMetadata", "mediaResolution"];

/// Reads `POST /v1beta/models/{model}:generateContent` and its sisters.
pub fn read(body: &Value, model: &str, stream: bool) -> Result<Talk, Fault> {
    let list = contents(&body["contents"])?;
    let mut messages = Vec::new();
    for (at, content) in list.iter().enumerate() {
        messages.push(message(at, content)?);
    }
    order(&messages)?;
    let tools = tools(&body["tools"])?;
    Ok(Talk {
        provider: Provider::Gemini,
        model: model.to_owned(),
        stream,
        system: system(&body["systemInstruction"])?,
        messages,
        forced: forced(&body["toolConfig"]["functionCallingConfig"], &tools)?,
        tools,
        schema: schema(&body["generationConfig"]),
    })
}

/// Reads `:countTokens`, which takes contents, or a whole request.
pub fn count(body: &Value) -> Result<(), Fault> {
    let inner = &body["generateContentRequest"];
    let list = contents(if inner.is_object() { &inner["contents"] } else { &body["contents"] })?;
    list.iter().enumerate().try_for_each(|(at, content)| message(at, content).map(|_| ()))
}

fn contents(value: &Value) -> Result<&[Value], Fault> {
    match value {
        Value::Array(list) if !list.is_empty() => Ok(list),
        Value::Null | Value::Array(_) => {
            Err(Fault::bad("* GenerateContentRequest.contents: contents is not specified\n"))
        }
        Value::Object(_) => Ok(std::slice::from_ref(value)),
        other => Err(Fault::bad(format!(
            "Invalid value at 'contents' (type.googleapis.com/google.ai.generativelanguage.v1beta.Content), {other}"
        ))),
    }
}

fn message(at: usize, content: &Value) -> Result<Message, Fault> {
    let role = match &content["role"] {
        Value::Null => Role::User,
        Value::String(role) => match role.as_str() {
            "user" | "function" => Role::User,
            "model" => Role::Assistant,
            _ => return Err(Fault::bad("Please use a valid role: user, model.")),
        },
        other => {
            return Err(Fault::bad(format!("Invalid value at 'contents[{at}].role' (TYPE_STRING), {other}")));
        }
    };
    let list = match &content["parts"] {
        Value::Array(list) if !list.is_empty() => list.as_slice(),
        part @ Value::Object(_) => std::slice::from_ref(part),
        _ => {
            return Err(Fault::bad(format!(
                "* GenerateContentRequest.contents[{at}].parts: contents.parts must not be empty.\n"
            )));
        }
    };
    let parts = list.iter().enumerate().map(|(n, value)| part(at, n, value)).collect::<Result<Vec<_>, _>>()?;
    let answers = parts.iter().any(|part| matches!(part, Part::Result { .. }));
    if answers && role == Role::Assistant {
        return Err(Fault::bad(
            "Please ensure that function response turn comes immediately after a function call turn.",
        ));
    }
    Ok(Message { role, parts })
}

fn part(at: usize, n: usize, part: &Value) -> Result<Part, Fault> {
    let path = format!("contents[{at}].parts[{n}]");
    let Some(fields) = part.as_object() else {
        return Err(Fault::bad(format!(
            "Invalid value at '{path}' (type.googleapis.com/google.ai.generativelanguage.v1beta.Part), {part}"
        )));
    };
    // Both spellings of names are understood.
    let mut data = None;
    for (name, value) in fields {
        let camel = camel(name);
        if let Some(known) = DATA.iter().find(|known| **known == camel) {
            if data.replace((*known, value)).is_some() {
                return Err(Fault::bad(format!(
                    "Invalid value at '{path}' (oneof), oneof field 'data' is already set. Cannot set '{camel}'"
                )));
            }
        } else if !BESIDE.contains(&camel.as_str()) {
            return Err(Fault::bad(format!(
                "Invalid JSON payload received. Unknown name \"{name}\" at '{path}': Cannot find field."
            )));
        }
    }
    let Some((kind, value)) = data else {
        return Err(Fault::bad(format!(
            "* GenerateContentRequest.{path}.data: required oneof field 'data' must have one initialized field\n"
        )));
    };
    let name = || {
        value["name"].as_str().filter(|name| !name.is_empty()).map(str::to_owned).ok_or_else(|| {
            let field = if kind == "functionCall" { "function_call" } else { "function_response" };
            Fault::bad(format!("* GenerateContentRequest.{path}.{field}.name: Name cannot be empty.\n"))
        })
    };
    match kind {
        "text" => match value.as_str() {
            Some(text) if part["thought"] == true => Ok(Part::Thought { text: text.to_owned() }),
            Some(text) => Ok(Part::Text { text: text.to_owned() }),
            None => Err(Fault::bad(format!("Invalid value at '{path}.text' (TYPE_STRING), {value}"))),
        },
        "functionCall" => {
            let id = value["id"].as_str().unwrap_or_default().to_owned();
            let input = if value["args"].is_null() { json!({}) } else { value["args"].clone() };
            Ok(Part::Call { id, name: name()?, input })
        }
        "functionResponse" => {
            let name = name()?;
            if !value["response"].is_object() {
                return Err(Fault::bad(format!(
                    "Invalid value at '{path}.function_response.response' (type.googleapis.com/google.protobuf.Struct), {}",
                    value["response"]
                )));
            }
            Ok(Part::Result { id: name, text: result_text(&value["response"]) })
        }
        other => Ok(Part::Other { kind: other.to_owned() }),
    }
}

/// Agents put what a tool printed under one of a few names.
fn result_text(response: &Value) -> String {
    let found = ["output", "result", "content", "error"].iter().find_map(|name| response[*name].as_str());
    found.map_or_else(|| response.to_string(), str::to_owned)
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}

/// Calls come after the user or after responses; responses come right after calls, as many of them.
fn order(messages: &[Message]) -> Result<(), Fault> {
    let named = |message: &Message, of: fn(&Part) -> Option<&str>| {
        let mut names: Vec<String> = message.parts.iter().filter_map(of).map(str::to_owned).collect();
        names.sort_unstable();
        names
    };
    let (called, answered) = (
        (|part: &Part| if let Part::Call { name, .. } = part { Some(name.as_str()) } else { None })
            as fn(&Part) -> Option<&str>,
        (|part: &Part| if let Part::Result { id, .. } = part { Some(id.as_str()) } else { None })
            as fn(&Part) -> Option<&str>,
    );
    for (at, message) in messages.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| messages.get(at));
        let calls = named(message, called);
        let answers = named(message, answered);
        if !calls.is_empty() && before.is_none_or(|before| before.role != Role::User) {
            return Err(Fault::bad(
                "Please ensure that function call turn comes immediately after a user turn or after a function response turn.",
            ));
        }
        let open = before.map(|before| named(before, called)).unwrap_or_default();
        if !answers.is_empty() && open.is_empty() {
            return Err(Fault::bad(
                "Please ensure that function response turn comes immediately after a function call turn.",
            ));
        }
        if answers.len() != open.len() {
            return Err(Fault::bad(
                "Please ensure that the number of function response parts is equal to the number of function call parts of \
                 the function call turn.",
            ));
        }
        if answers != open {
            return Err(Fault::bad(
                "Please ensure that function response turn comes immediately after a function call turn. And the function names should match.",
            ));
        }
    }
    if messages.last().is_some_and(|last| !named(last, called).is_empty()) {
        return Err(Fault::bad("Please ensure that multiturn requests end with a user turn or a function response."));
    }
    Ok(())
}

fn system(value: &Value) -> Result<String, Fault> {
    match value {
        Value::Null => Ok(String::new()),
        Value::String(text) => Ok(text.clone()),
        Value::Object(_) => {
            let parts = value["parts"].as_array().map_or_else(|| std::slice::from_ref(&value["parts"]), Vec::as_slice);
            Ok(parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n"))
        }
        other => Err(Fault::bad(format!(
            "Invalid value at 'system_instruction' (type.googleapis.com/google.ai.generativelanguage.v1beta.Content), {other}"
        ))),
    }
}

fn schema(config: &Value) -> Option<Value> {
    let given = ["responseJsonSchema", "responseSchema"].iter().map(|name| &config[*name]).find(|s| s.is_object());
    let json = config["responseMimeType"] == "application/json";
    given.cloned().or_else(|| json.then(|| json!({ "type": "object" })))
}

fn tools(value: &Value) -> Result<Vec<Tool>, Fault> {
    let list = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Array(list) => list,
        other => {
            return Err(Fault::bad(format!(
                "Invalid value at 'tools' (type.googleapis.com/google.ai.generativelanguage.v1beta.Tool), {other}"
            )));
        }
    };
    let mut tools: Vec<Tool> = Vec::new();
    for (at, tool) in list.iter().enumerate() {
        let functions = [&tool["functionDeclarations"], &tool["function_declarations"]];
        let functions = functions.into_iter().filter_map(Value::as_array).flatten();
        for (n, function) in functions.enumerate() {
            let path = format!("tools[{at}].function_declarations[{n}]");
            let name = function["name"].as_str().unwrap_or_default();
            let first = name.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
            let rest = name.chars().all(|c| c.is_ascii_alphanumeric() || "_.:-".contains(c));
            if !first || !rest || name.len() > 64 {
                return Err(Fault::bad(format!(
                    "* GenerateContentRequest.{path}.name: Invalid function name. Must start with a letter or an \
                     underscore. Must be alphanumeric (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:), or dashes \
                     (-), with a maximum length of 64.\n"
                )));
            }
            if tools.iter().any(|other| other.name == name) {
                return Err(Fault::bad(format!("Duplicate function declaration found: {name}")));
            }
            let schemas = [&function["parametersJsonSchema"], &function["parameters"]];
            let schema = schemas.into_iter().find(|s| s.is_object()).cloned().unwrap_or_default();
            tools.push(Tool { name: name.to_owned(), kind: ToolKind::Function, schema });
        }
        for hosted in ["googleSearch", "codeExecution", "urlContext", "googleSearchRetrieval"] {
            if tool[hosted].is_object() {
                tools.push(Tool { name: hosted.to_owned(), kind: ToolKind::Hosted, schema: Value::Null });
            }
        }
    }
    Ok(tools)
}

fn forced(config: &Value, tools: &[Tool]) -> Result<Option<Forced>, Fault> {
    if config["mode"] != "ANY" {
        return Ok(None);
    }
    let Some(name) = config["allowedFunctionNames"].as_array().and_then(|list| list.first()).and_then(Value::as_str)
    else {
        return Ok(Some(Forced::Any));
    };
    if tools.iter().any(|tool| tool.name == name) {
        return Ok(Some(Forced::Named(name.to_owned())));
    }
    Err(Fault::bad("allowed_function_names should be a subset of the functions declared in tools when mode is ANY."))
}
