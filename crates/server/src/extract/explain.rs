//! Turns what serde says into a problem that names the field.

use convene_api::problem::{Code, Problem};
use convene_core::catalogue::nearest;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::refusal::invalid;

/// Why a body could not be read as `T`.
pub fn body<T: DeserializeOwned>(value: Value, error: &serde_json::Error) -> Problem {
    let said = error.to_string();
    if let Some(problem) = unknown_field(&said) {
        return problem;
    }
    if let Some(field) = between(&said, "missing field `", "`") {
        return invalid(field, "it is missing");
    }
    let Value::Object(object) = value else { return malformed("body", &said) };
    // serde does not say which field it was in: read them one by one.
    for (name, value) in object {
        let alone = Value::Object(Map::from_iter([(name.clone(), value)]));
        if let Err(error) = serde_json::from_value::<T>(alone)
            && !error.to_string().starts_with("missing field")
        {
            return malformed(&name, &error.to_string());
        }
    }
    malformed("body", &said)
}

/// Why a text is no JSON: what is wrong, and where.
pub fn syntax(error: &serde_json::Error) -> String {
    let said = error.to_string();
    let said = said.split(" at line ").next().unwrap_or_default();
    let what = match said {
        _ if error.is_eof() => "it ends before it is whole",
        "trailing comma" => "a comma stands before the end of a list or an object",
        "trailing characters" => "there is more behind it",
        "key must be a string" => "a name must be a text in double quotes",
        "expected value" | "expected ident" => "a value is missing or misspelled",
        "expected `:`" => "a colon is missing behind a name",
        "expected `,` or `}`" | "expected `,` or `]`" => "a comma or the end is missing",
        "invalid number" | "number out of range" => "a number is misspelled or too large",
        "invalid escape" | "invalid unicode code point" => "an escape in a text means nothing",
        "lone leading surrogate in hex escape" | "unexpected end of hex escape" => {
            "an escape in a text is half a character"
        }
        "recursion limit exceeded" => "it is nested too deeply",
        _ if said.starts_with("control character") => "a text has a raw control character, such as a line break",
        // Words of our own, about what is JSON and yet not taken.
        _ if error.is_data() => return said.to_owned(),
        other => other,
    };
    format!("it is no JSON: {what}, at line {}, column {}", error.line(), error.column())
}

/// The problem of a query string.
pub fn query(said: &str) -> Problem {
    let said = said.strip_prefix("Failed to deserialize query string: ").unwrap_or(said);
    if let Some(problem) = unknown_field(said) {
        return problem;
    }
    match said.split_once(": ") {
        Some((field, why)) if !field.contains(' ') => malformed(field, why),
        Some(_) | None => malformed("query", said),
    }
}

fn unknown_field(said: &str) -> Option<Problem> {
    let field = between(said, "unknown field `", "`")?;
    let rest = said.split_once("expected ").map_or("", |(_, rest)| rest);
    let known: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
    let problem = match nearest(field, known.iter().copied()).first() {
        Some(near) => Problem::filled(Code::UnknownField, [("field", field.into()), ("near", (*near).into())]),
        None => {
            Problem::filled(Code::UnknownField, [("field", field.into())]).hint(format!("known: {}", known.join(", ")))
        }
    };
    Some(problem.with("known", known))
}

fn malformed(field: &str, said: &str) -> Problem {
    // "unknown variant `x`, expected one of `a`, `b`"
    if let Some(value) = between(said, "unknown variant `", "`") {
        let rest = said.split_once("expected ").map_or("", |(_, rest)| rest);
        let known: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
        let why = format!("{value} is not one of its values");
        return Problem::filled(
            Code::InvalidRequest,
            [("field", field.into()), ("why", why.into()), ("allowed", known.into())],
        );
    }
    let why = match said {
        _ if said.contains("did not match any variant of untagged enum PromptInput") => {
            "it must be a text or a list of content blocks"
        }
        _ => said.rsplit_once(" at line ").map_or(said, |(why, _)| why),
    };
    invalid(field, in_words(why))
}

/// What serde and the parsers of numbers say, without words of Rust; what they do not know is left as it is.
fn in_words(said: &str) -> String {
    if said.contains("did not match any variant of untagged enum") {
        return "it has none of the forms that it may have".to_owned();
    }
    let wanted = match said {
        "invalid digit found in string" | "cannot parse integer from empty string" => Some("u64"),
        "invalid float literal" | "cannot parse float from empty string" => Some("f64"),
        "provided string was not `true` or `false`" => Some("a boolean"),
        "number too large to fit in target type" => return "it is too large".to_owned(),
        _ if said.starts_with("invalid type: ") || said.starts_with("invalid value: ") => {
            said.rsplit_once(", expected ").map(|(_, wanted)| wanted)
        }
        _ => None,
    };
    let Some(wanted) = wanted else { return said.to_owned() };
    let wanted = match wanted {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, 0 or more",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a string" | "a borrowed string" | "str" | "string" => "a text",
        "a boolean" | "bool" => "true or false",
        "a sequence" => "a list",
        "a map" => "an object",
        "string or map" => "one of its values",
        _ if wanted.starts_with("struct ") => "an object",
        _ if wanted.starts_with("enum ") => "one of its values",
        other => other,
    };
    format!("it must be {wanted}")
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?.1.split_once(after).map(|(inside, _)| inside)
}

#[cfg(test)]
#[path = "explain_tests.rs"]
mod tests;
