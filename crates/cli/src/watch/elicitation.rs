//! A question of the agent that is no permission request: a form, asked field by field, or an address to visit.

use convene_api::body::{AnswerElicitation, ElicitationAction};
use convene_core::ids::ElicitationId;
use serde_json::{Map, Value};

use crate::render::clean::{clean_line, reveal};

/// The answers so far.
pub struct Form {
    /// The question.
    pub request: ElicitationId,
    url: Option<String>,
    fields: Vec<Field>,
    answers: Map<String, Value>,
    agreed: bool,
    /// Whether it is only to be picked from.
    is_choice: bool,
}

struct Field {
    name: String,
    title: String,
    description: String,
    kind: Kind,
    required: bool,
}

enum Kind {
    Text,
    Number { whole: bool },
    Flag,
    Choice(Vec<(Value, String)>),
}

/// What a typed line leads to.
pub enum Step {
    /// The next field is asked.
    Next,
    /// It was no answer; this is why.
    Unclear(String),
    /// The question is answered.
    Answer(AnswerElicitation),
}

impl Form {
    /// The form of a request's parameters, in ACP's shape.
    pub fn new(request: ElicitationId, params: &Value) -> Self {
        let url = params.get("url").and_then(Value::as_str).map(str::to_owned);
        let schema = params.get("requestedSchema").or_else(|| params.get("schema")).unwrap_or(&Value::Null);
        let required: Vec<&str> =
            schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let mut fields: Vec<Field> = schema
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .map(|(name, property)| Field::new(name, property, required.contains(&name.as_str())))
            .collect();
        // What must be answered comes first; the schema's own order is lost in JSON.
        fields.sort_by_key(|field| !field.required);
        let is_choice = params.get("mode").and_then(Value::as_str) == Some("choice");
        Self { request, url, fields, answers: Map::new(), agreed: is_choice, is_choice }
    }

    /// The rows below the question.
    pub fn opening(&self) -> Vec<String> {
        let mut rows = Vec::new();
        if let Some(Field { kind: Kind::Choice(choices), .. }) = self.fields.first().filter(|_| self.is_choice) {
            rows.extend(choices.iter().zip(1..).map(|((_, name), n)| format!("    {n} {name}")));
        } else if let Some(url) = &self.url {
            rows.push(format!("    {}", reveal(url)));
            rows.push("    1 Done there   2 Decline".to_owned());
        } else {
            rows.push("    1 Answer   2 Decline".to_owned());
        }
        rows
    }

    /// The row in which the answer is typed.
    pub fn input_row(&self, typed: &str) -> String {
        match self.current() {
            Some(_) if self.is_choice => format!("  number and Enter > {typed}"),
            Some(field) if self.agreed => format!("  {} > {typed}", field.label()),
            _ => format!("  number and Enter (y = 1, n = 2) > {typed}"),
        }
    }

    fn current(&self) -> Option<&Field> {
        self.fields.get(self.answers.len())
    }

    /// Takes in a typed line.
    pub fn typed(&mut self, typed: &str) -> Step {
        let typed = typed.trim();
        if !self.agreed {
            match typed {
                "" => return Step::Next,
                "1" | "y" | "Y" => self.agreed = true,
                "2" | "n" | "N" => {
                    return Step::Answer(AnswerElicitation { action: ElicitationAction::Decline, content: None });
                }
                other => return Step::Unclear(format!("{:?} is neither 1 nor 2", clean_line(other))),
            }
        } else if let Some(field) = self.current() {
            match field.read(typed) {
                Ok(value) => {
                    self.answers.insert(field.name.clone(), value);
                }
                Err(why) => return Step::Unclear(why),
            }
        }
        if self.current().is_some() {
            return Step::Next;
        }
        // A field that was left out is none of the content.
        self.answers.retain(|_, value| !value.is_null());
        let content = (!self.fields.is_empty()).then(|| Value::Object(self.answers.clone()));
        Step::Answer(AnswerElicitation { action: ElicitationAction::Accept, content })
    }
}

impl Field {
    fn new(name: &str, property: &Value, required: bool) -> Self {
        let text = |key: &str| property.get(key).and_then(Value::as_str).map(clean_line).unwrap_or_default();
        let title = Some(text("title")).filter(|t| !t.is_empty()).unwrap_or_else(|| clean_line(name));
        let kind = match (choices(property), property.get("type").and_then(Value::as_str)) {
            (Some(choices), _) => Kind::Choice(choices),
            (None, Some("boolean")) => Kind::Flag,
            (None, Some("integer")) => Kind::Number { whole: true },
            (None, Some("number")) => Kind::Number { whole: false },
            (None, _) => Kind::Text,
        };
        Self { name: name.to_owned(), title, description: text("description"), kind, required }
    }

    fn label(&self) -> String {
        let mut label = self.title.clone();
        if !self.description.is_empty() {
            label.push_str(&format!(" ({})", self.description));
        }
        match &self.kind {
            Kind::Choice(choices) => {
                for ((_, name), n) in choices.iter().zip(1..) {
                    label.push_str(&format!("  {n} {name}"));
                }
            }
            Kind::Flag => label.push_str("  y or n"),
            Kind::Number { .. } | Kind::Text => {}
        }
        if !self.required {
            label.push_str(", Enter leaves it out");
        }
        label
    }

    fn read(&self, typed: &str) -> Result<Value, String> {
        if typed.is_empty() {
            return if self.required { Err(format!("{} is wanted", self.title)) } else { Ok(Value::Null) };
        }
        match &self.kind {
            Kind::Text => Ok(typed.into()),
            Kind::Flag => match typed {
                "y" | "Y" | "yes" | "true" => Ok(true.into()),
                "n" | "N" | "no" | "false" => Ok(false.into()),
                _ => Err("y or n is wanted".to_owned()),
            },
            Kind::Number { whole: true } => {
                typed.parse::<i64>().map(Value::from).map_err(|_| "a whole number is wanted".to_owned())
            }
            Kind::Number { whole: false } => typed
                .parse::<f64>()
                .ok()
                .and_then(serde_json::Number::from_f64)
                .map(Value::Number)
                .ok_or_else(|| "a number is wanted".to_owned()),
            Kind::Choice(choices) => typed
                .parse::<usize>()
                .ok()
                .and_then(|n| choices.get(n.checked_sub(1)?))
                .map(|(value, _)| value.clone())
                .ok_or_else(|| format!("a number from 1 to {} is wanted", choices.len())),
        }
    }
}

/// The choices of a field: `enum` with `enumNames`, or `oneOf` with `const` and `title`.
fn choices(property: &Value) -> Option<Vec<(Value, String)>> {
    let plain = |value: &Value| value.as_str().map(clean_line).unwrap_or_else(|| value.to_string());
    if let Some(values) = property.get("enum").and_then(Value::as_array) {
        let names = property.get("enumNames").and_then(Value::as_array);
        let name = |i: usize, value| names.and_then(|n| n.get(i)).map_or_else(|| plain(value), plain);
        return Some(values.iter().enumerate().map(|(i, value)| (value.clone(), name(i, value))).collect());
    }
    let options = property.get("oneOf").or_else(|| property.get("anyOf")).and_then(Value::as_array)?;
    let choices: Option<Vec<(Value, String)>> = options
        .iter()
        .map(|option| {
            let value = option.get("const")?;
            let name = option.get("title").and_then(Value::as_str).map_or_else(|| plain(value), clean_line);
            Some((value.clone(), name))
        })
        .collect();
    choices.filter(|c| !c.is_empty())
}
