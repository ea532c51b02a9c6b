//! Says why something was refused or failed: a code from one closed list, a text for people, a
//! hint, and the fields a program needs. On the wire it is `application/problem+json` (RFC 9457).

mod code;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

pub use code::Code;

/// The media type of a problem.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// Members of the wire form that no field may be called.
const RESERVED: [&str; 7] = ["type", "title", "status", "code", "detail", "hint", "exit"];

/// Where a code that this release does not know is kept when a newer server sent it.
const FOREIGN_CODE: &str = "original_code";

/// One problem, as a handler returns it and as a client gets it back.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// Why; decides status, exit code, title and documentation.
    pub code: Code,
    /// What happened, for people: lower case, the thing by name, no full stop.
    pub detail: String,
    /// One thing to do, true for this case.
    pub hint: Option<String>,
    /// What the detail speaks about, for programs.
    pub fields: Map<String, Value>,
}

impl Problem {
    /// A problem with its own words.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), hint: None, fields: Map::new() }
    }

    /// A problem in the words of the table: the fields fill the message, and the hint too where
    /// they suffice for it, because no hint is better than a general one.
    pub fn filled<const N: usize>(code: Code, fields: [(&str, Value); N]) -> Self {
        let mut problem = Self::new(code, "");
        for (name, value) in fields {
            problem = problem.with(name, value);
        }
        problem.detail = fill(code.message(), &problem.fields).0;
        problem.hint =
            code.hint().map(|hint| fill(hint, &problem.fields)).and_then(|(hint, whole)| whole.then_some(hint));
        problem
    }

    /// The same problem with this hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same problem with one more field. Names of the wire form's own members are not fields.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        debug_assert!(!RESERVED.contains(&name), "`{name}` is no field's name");
        if !RESERVED.contains(&name) {
            self.fields.insert(name.to_owned(), value.into());
        }
        self
    }

    /// The status of the reply; codes that never travel over HTTP count as bugs there.
    pub fn http_status(&self) -> u16 {
        self.code.http_status().unwrap_or(500)
    }

    /// What a command that ends with this problem exits with.
    pub fn exit_code(&self) -> u8 {
        self.code.exit_code()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Problem {}

/// Puts fields into the braces of a template; tells whether each brace found something to say.
fn fill(template: &str, fields: &Map<String, Value>) -> (String, bool) {
    let mut text = String::with_capacity(template.len());
    let mut whole = true;
    let mut rest = template;
    while let Some((before, name, after)) = next_brace(rest) {
        text.push_str(before);
        match fields.get(name) {
            Some(Value::String(value)) => text.push_str(value),
            // "has: " is no hint.
            Some(Value::Array(values)) if values.is_empty() => {
                text.push_str("none");
                whole = false;
            }
            Some(Value::Array(values)) => text.push_str(&list(values)),
            Some(value) => text.push_str(&value.to_string()),
            None => {
                text.push_str(name);
                whole = false;
            }
        }
        rest = match fields.get(name).and_then(Value::as_u64) {
            Some(1) => singular(after, &mut text),
            Some(_) | None => after,
        };
    }
    text.push_str(rest);
    (text, whole)
}

/// Says of one thing what the template says of many: `1 file`, not `1 files`. Gives what is left of the template.
fn singular<'a>(after: &'a str, text: &mut String) -> &'a str {
    let Some(next) = after.strip_prefix(' ') else { return after };
    let (word, rest) = next.split_at(next.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(next.len()));
    let Some(one) = word.strip_suffix("es").filter(|one| one.ends_with("ss")).or_else(|| word.strip_suffix('s')) else {
        return after;
    };
    text.push(' ');
    text.push_str(one);
    rest
}

fn next_brace(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('{')?;
    let (name, after) = rest.split_once('}')?;
    Some((before, name, after))
}

fn list(values: &[Value]) -> String {
    let words: Vec<String> = values
        .iter()
        .map(|value| match value.as_str() {
            Some(text) => text.to_owned(),
            None => value.to_string(),
        })
        .collect();
    words.join(", ")
}

/// Why something was refused or failed, as RFC 9457 has it.
#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = Problem)]
struct Wire {
    /// Where the code is explained.
    #[serde(rename = "type", default)]
    kind: String,
    /// The code in words.
    #[serde(default)]
    title: String,
    /// The status of the reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// Why, from one closed list.
    #[schema(value_type = Code)]
    code: String,
    /// What happened, for people.
    #[serde(default)]
    detail: String,
    /// One thing to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    /// What the detail speaks about, for programs.
    #[serde(flatten)]
    fields: BTreeMap<String, Value>,
}

impl From<&Problem> for Wire {
    fn from(problem: &Problem) -> Self {
        Self {
            kind: problem.code.doc_anchor(),
            title: problem.code.as_str().replace('_', " "),
            status: problem.code.http_status(),
            code: problem.code.as_str().to_owned(),
            detail: problem.detail.clone(),
            hint: problem.hint.clone(),
            fields: problem.fields.clone().into_iter().collect(),
        }
    }
}

impl From<Wire> for Problem {
    fn from(wire: Wire) -> Self {
        let known = Code::parse(&wire.code);
        let mut fields: Map<String, Value> = wire.fields.into_iter().collect();
        // The command line adds it beside the problem; it follows from the code.
        fields.remove("exit");
        if known.is_none() {
            fields.insert(FOREIGN_CODE.to_owned(), Value::String(wire.code));
        }
        Self {
            code: known.unwrap_or_else(|| Code::for_status(wire.status.unwrap_or(500))),
            detail: wire.detail,
            hint: wire.hint,
            fields,
        }
    }
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Wire::from(self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Problem {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Wire::deserialize(deserializer).map(Problem::from)
    }
}

impl PartialSchema for Problem {
    fn schema() -> RefOr<Schema> {
        Wire::schema()
    }
}

impl ToSchema for Problem {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        Wire::schemas(schemas);
    }
}

#[cfg(test)]
#[path = "problem_tests.rs"]
mod tests;
