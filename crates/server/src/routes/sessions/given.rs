//! What a session gives its agent: variables and MCP servers, checked and brought into the shape that agents take.

use std::collections::BTreeMap;

use convene_api::problem::{Code, Problem};
use serde_json::{Map, Value, json};

use crate::refusal::invalid;

/// MCP servers of a session.
const SERVERS_MAX: usize = 64;

/// Checks the variables of an agent.
///
/// # Errors
/// `invalid_request` if a name is none, or is one that the product itself gives, or a value cannot be passed on.
pub fn environment(env: &BTreeMap<String, String>) -> Result<(), Problem> {
    env.iter().try_for_each(|(name, value)| variable("env", name, value))
}

fn variable(field: &str, name: &str, value: &str) -> Result<(), Problem> {
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err(invalid(field, format!("{name:?} is no name of a variable")));
    }
    if value.contains('\0') {
        return Err(invalid(field, format!("the value of {name} holds a NUL")));
    }
    if name.starts_with("CONVENE_") {
        return Err(invalid(field, format!("{name} is given by convene itself")).hint("take another name"));
    }
    Ok(())
}

/// Checks MCP servers, and fills in what agents want to find. Pairs may be written as ACP has them, `[{"name", "value"}]`,
/// or as an object.
///
/// # Errors
/// `invalid_request` or `unknown_field`, naming the server's place. Values are not said back: they may be secrets.
pub fn mcp_servers(servers: Vec<Value>) -> Result<Vec<Value>, Problem> {
    if servers.len() > SERVERS_MAX {
        return Err(invalid("mcp_servers", format!("there are {}, the limit is {SERVERS_MAX}", servers.len())));
    }
    servers.into_iter().enumerate().map(|(at, server)| mcp_server(&format!("mcp_servers[{at}]"), server)).collect()
}

fn mcp_server(place: &str, server: Value) -> Result<Value, Problem> {
    let Value::Object(mut server) = server else { return Err(invalid(place, "it must be an object")) };
    let at = |field: &str| format!("{place}.{field}");
    let kind = match server.get("type") {
        None => "stdio",
        Some(Value::String(kind)) => ["stdio", "http", "sse"]
            .into_iter()
            .find(|known| known == kind)
            .ok_or_else(|| invalid(&at("type"), "it must be stdio, http or sse"))?,
        Some(_) => return Err(invalid(&at("type"), "it must be stdio, http or sse")),
    };
    let known: &[&str] = match kind {
        "stdio" => &["type", "name", "command", "args", "env", "_meta"],
        _ => &["type", "name", "url", "headers", "_meta"],
    };
    if let Some(unknown) = server.keys().find(|field| !known.contains(&field.as_str())) {
        return Err(Problem::filled(Code::UnknownField, [("field", at(unknown).into())]));
    }
    text(&server, place, "name")?;
    if kind == "stdio" {
        text(&server, place, "command")?;
        let args = server.entry("args").or_insert_with(|| json!([]));
        let is_list = args.as_array().is_some_and(|args| args.iter().all(Value::is_string));
        if !is_list {
            return Err(invalid(&at("args"), "it must be a list of texts"));
        }
        let env = pairs(&at("env"), server.remove("env"))?;
        for (name, value) in &env {
            variable(&at("env"), name, value)?;
        }
        server.insert("env".to_owned(), listed(env));
    } else {
        let url = text(&server, place, "url")?;
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(invalid(&at("url"), "it must begin with http:// or https://"));
        }
        let headers = pairs(&at("headers"), server.remove("headers"))?;
        if headers.iter().any(|(name, value)| name.is_empty() || format!("{name}{value}").contains(['\r', '\n', '\0']))
        {
            return Err(invalid(&at("headers"), "a name or a value cannot be sent"));
        }
        server.insert("headers".to_owned(), listed(headers));
    }
    Ok(Value::Object(server))
}

fn text<'a>(server: &'a Map<String, Value>, place: &str, field: &str) -> Result<&'a str, Problem> {
    let text = server.get(field).and_then(Value::as_str).filter(|text| !text.is_empty() && !text.contains('\0'));
    text.ok_or_else(|| invalid(&format!("{place}.{field}"), "it must be a text that is not empty"))
}

/// Pairs of a name and a value, in either shape.
fn pairs(place: &str, held: Option<Value>) -> Result<Vec<(String, String)>, Problem> {
    let odd = || invalid(place, "it must be a list of objects with a name and a value");
    match held {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Object(map)) => map
            .into_iter()
            .map(|(name, value)| match value {
                Value::String(value) => Ok((name, value)),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => Err(odd()),
            })
            .collect(),
        Some(Value::Array(list)) => list
            .iter()
            .map(|pair| {
                let field = |name: &str| pair.get(name).and_then(Value::as_str).map(str::to_owned);
                field("name").zip(field("value")).ok_or_else(odd)
            })
            .collect(),
        Some(Value::Bool(_) | Value::Number(_) | Value::String(_)) => Err(odd()),
    }
}

fn listed(pairs: Vec<(String, String)>) -> Value {
    pairs.into_iter().map(|(name, value)| json!({"name": name, "value": value})).collect()
}

#[cfg(test)]
#[path = "given_tests.rs"]
mod tests;
