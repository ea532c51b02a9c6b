//! Makes the schemas what a reader or a generator of clients wants: short names, one named schema for each event and
//! each frame, no copies of what has a name, and `null` only where it is sent.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

/// Schemas whose fields are all written, absent values as `null`. The other schemas leave absent fields out.
const WHOLE: &[&str] = &[
    "CreatedThread",
    "Elicitation",
    "FileChanges",
    "HistoryTurn",
    "Permission",
    "PermissionDecided",
    "QueueEntry",
    "ServerStatus",
    "Session",
    "SessionHealth",
    "Thread",
    "Token",
    "Turn",
    "Worker",
];

/// What every event has, beside what its type has.
const ENVELOPE: &str = "AnyEvent";

const PREFIX: &str = "#/components/schemas/";

/// Puts the schemas of a document in order.
pub fn arrange(document: &mut Value) {
    let Value::Object(mut schemas) = document["components"]["schemas"].take() else { return };
    lists(&mut schemas);
    events(&mut schemas);
    list_frames(&mut schemas);
    unions(&mut schemas);
    let names = rename(&mut schemas);
    document["components"]["schemas"] = schemas.into();
    redirect(document, &names);
    let sent = asked_for(document);
    if let Some(Value::Object(schemas)) = document.pointer_mut("/components/schemas") {
        nulls(schemas, &sent);
    }
    plain_text(document);
}

/// Pages and lists name their items instead of repeating them.
fn lists(schemas: &mut Map<String, Value>) {
    let names: Vec<String> = schemas.keys().cloned().collect();
    for name in names {
        let item = name.strip_prefix("Page_").or_else(|| name.strip_prefix("Items_"));
        let Some(item) = item.filter(|item| schemas.contains_key(*item) || has_inline_items(schemas, &name)) else {
            continue;
        };
        let item = item.to_owned();
        let Some(items) = schemas.get_mut(&name).and_then(|s| s.pointer_mut("/properties/items")) else { continue };
        let inline = items["items"].take();
        items["items"] = reference(&item);
        schemas.entry(item).or_insert(inline);
    }
}

fn has_inline_items(schemas: &Map<String, Value>, name: &str) -> bool {
    schemas.get(name).and_then(|s| s.pointer("/properties/items/items/type")).is_some()
}

/// `KnownEvent` becomes one schema for each type, with its envelope; `Event` is any of them, or one of a later version.
fn events(schemas: &mut Map<String, Value>) {
    let (Some(envelope), Some(known)) = (schemas.remove(ENVELOPE), schemas.remove("KnownEvent")) else { return };
    let place = envelope.pointer("/allOf/1").cloned().unwrap_or_default();
    let mut tags = Vec::new();
    let mut members = Vec::new();
    for variant in known["oneOf"].as_array().into_iter().flatten() {
        let Some(tag) = tag(variant, "type") else { continue };
        let name = format!("{}Event", pascal(&tag));
        let mut schema = merged(&place, variant);
        schema["description"] = variant["description"].clone();
        schema["properties"]["type"] = json!({"type": "string", "const": tag});
        schemas.insert(name.clone(), schema);
        members.push((tag.clone(), name));
        tags.push(tag);
    }
    let mut unknown = merged(&place, &json!({"properties": {}, "required": ["type"]}));
    unknown["description"] = "An event of a later version: kept and passed on as it is, of no effect here.".into();
    unknown["properties"]["type"] = json!({"type": "string", "not": {"enum": tags}});
    unknown["additionalProperties"] = true.into();
    schemas.insert("UnknownEvent".to_owned(), unknown);
    schemas.insert("KnownEvent".to_owned(), union("An event of this version, by its `type`.", "type", &members));
    schemas.insert(
        "Event".to_owned(),
        json!({
            "description": "An event as it is stored, streamed and shown. Be prepared for types that are not on the \
                list: they come from a later version.",
            "oneOf": [reference("KnownEvent"), reference("UnknownEvent")],
        }),
    );
    let names = BTreeMap::from([(ENVELOPE.to_owned(), "Event".to_owned())]);
    schemas.values_mut().for_each(|schema| redirect(schema, &names));
}

/// `ListFrame` becomes a schema for each kind of object, so that `type` tells what `data` is.
fn list_frames(schemas: &mut Map<String, Value>) {
    let Some(frame) = schemas.remove("ListFrame") else { return };
    schemas.remove("ListObject");
    let kinds: [(&str, &str, &str, &[&str]); 5] = [
        ("SessionFrame", "SessionView", "A session changed.", &["session:started", "session:updated", "session:ended"]),
        ("ThreadFrame", "ThreadView", "A thread changed.", &["thread:created", "thread:updated"]),
        (
            "WorkerFrame",
            "WorkerView",
            "A worker changed.",
            &["worker:connected", "worker:updated", "worker:disconnected"],
        ),
        ("AgentFrame", "AgentView", "What is known of an agent changed.", &["agent:updated"]),
        ("DeletedFrame", "Gone", "A session or a thread is gone.", &["session:deleted", "thread:deleted"]),
    ];
    let mut members = Vec::new();
    for (name, data, text, tags) in kinds {
        let mut schema = frame.clone();
        schema["description"] = text.into();
        schema["properties"]["type"] = json!({"type": "string", "enum": tags, "description": "What happened."});
        schema["properties"]["data"] = reference(data);
        schemas.insert(name.to_owned(), schema);
        members.extend(tags.iter().map(|tag| ((*tag).to_owned(), name.to_owned())));
    }
    let text = "A change of the list, with the object as it is now. After a gap each changed object comes once.";
    schemas.insert("ListFrame".to_owned(), union(text, "type", &members));
}

/// Unions of unnamed objects that are told apart by a tag become unions of named ones.
fn unions(schemas: &mut Map<String, Value>) {
    let names: Vec<String> = schemas.keys().cloned().collect();
    for name in names {
        let Some(schema) = schemas.get(&name).cloned() else { continue };
        let Some(variants) = schema["oneOf"].as_array() else { continue };
        let Some(by) = ["type", "op"].into_iter().find(|by| variants.iter().all(|v| tag(v, by).is_some())) else {
            continue;
        };
        let mut members = Vec::new();
        for variant in variants {
            let Some(tag) = tag(variant, by) else { continue };
            let member = match tag.to_ascii_lowercase() {
                tag if name.to_ascii_lowercase().starts_with(&tag) => format!("{name}Plain"),
                _ if name == "ThreadEvent" => format!("{}Event", pascal(&tag)),
                _ => format!("{}{name}", pascal(&tag)),
            };
            let mut object = variant.clone();
            object["properties"][by] = json!({"type": "string", "const": tag});
            schemas.insert(member.clone(), object);
            members.push((tag, member));
        }
        let text = schema["description"].as_str().unwrap_or_default();
        schemas.insert(name, union(text, by, &members));
    }
}

/// Names as an API has them: `SessionView` is `Session` there, `Page_SessionView` is `SessionPage`. What was renamed
/// still has to be redirected.
fn rename(schemas: &mut Map<String, Value>) -> BTreeMap<String, String> {
    let names: BTreeSet<String> = schemas.keys().cloned().collect();
    let base = |name: &str| name.strip_suffix("View").unwrap_or(name).to_owned();
    let mut new = BTreeMap::from([(ENVELOPE.to_owned(), "Event".to_owned())]);
    for name in &names {
        let to = match (name.strip_prefix("Page_"), name.strip_prefix("Items_")) {
            _ if name == "PermissionDecidedBody" => "PermissionDecided".to_owned(),
            (Some(item), _) if item == ENVELOPE => "EventPage".to_owned(),
            (Some(item), _) => format!("{}Page", base(item)),
            (None, Some(item)) => format!("{}List", base(item)),
            (None, None) => base(name),
        };
        if to != *name && !names.contains(&to) {
            new.insert(name.clone(), to);
        }
    }
    for (from, to) in &new {
        if let Some(schema) = schemas.remove(from) {
            schemas.insert(to.clone(), schema);
        }
    }
    new
}

/// Lets references point at the new names.
fn redirect(value: &mut Value, names: &BTreeMap<String, String>) {
    walk(value, &mut |object| {
        let Some(Value::String(place)) = object.get_mut("$ref") else { return };
        if let Some(to) = place.strip_prefix(PREFIX).and_then(|name| names.get(name)) {
            *place = format!("{PREFIX}{to}");
        }
    });
}

/// What is always written is required, also where it may be `null`; what is left out when it is absent is never `null`.
fn nulls(schemas: &mut Map<String, Value>, sent: &BTreeSet<String>) {
    let told = reachable(schemas, "KnownEvent".to_owned());
    for (name, schema) in schemas.iter_mut() {
        let is_whole = WHOLE.contains(&name.as_str()) || name.ends_with("Page");
        let Some(Value::Object(properties)) = schema.get_mut("properties") else { continue };
        if is_whole {
            let all: Vec<Value> = properties.keys().map(|name| name.as_str().into()).collect();
            schema["required"] = all.into();
        } else if (told.contains(name) || name == "Problem") && !sent.contains(name) {
            properties.values_mut().for_each(not_null);
        }
    }
}

/// Schemas that requests are made of.
fn asked_for(document: &Value) -> BTreeSet<String> {
    let mut names = Vec::new();
    for path in document["paths"].as_object().into_iter().flat_map(Map::values) {
        for operation in path.as_object().into_iter().flat_map(Map::values) {
            collect(&operation["requestBody"], &mut names);
        }
    }
    let none = Map::new();
    let schemas = document.pointer("/components/schemas").and_then(Value::as_object).unwrap_or(&none);
    names.into_iter().flat_map(|name| reachable(schemas, name)).collect()
}

/// A schema and all that it is made of.
fn reachable(schemas: &Map<String, Value>, from: String) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![from];
    while let Some(name) = open.pop() {
        if let Some(schema) = schemas.get(&name)
            && found.insert(name)
        {
            collect(schema, &mut open);
        }
    }
    found
}

fn collect(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            let name = object.get("$ref").and_then(|r| r.as_str()?.strip_prefix(PREFIX));
            names.extend(name.map(str::to_owned));
            object.values().for_each(|v| collect(v, names));
        }
        Value::Array(items) => items.iter().for_each(|v| collect(v, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Takes `null` out of what a property may be.
pub fn not_null(property: &mut Value) {
    if let Some(Value::Array(kinds)) = property.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [kind] = kinds.as_slice() {
            property["type"] = kind.clone();
        }
    }
    if let Some(Value::Array(choices)) = property.get_mut("oneOf") {
        choices.retain(|choice| choice["type"] != "null");
        if let [only] = choices.as_slice() {
            *property = only.clone();
        }
    }
}

/// Links of rustdoc are no links here, and its line ends none either.
fn plain_text(document: &mut Value) {
    walk(document, &mut |object| {
        for name in ["description", "summary"] {
            if let Some(Value::String(text)) = object.get_mut(name) {
                *text = text.replace("[`", "`").replace("`]", "`").replace("\n\n", "\u{0}").replace('\n', " ");
                *text = text.replace('\u{0}', "\n\n");
            }
        }
    });
}

/// Visits every object of a document.
pub fn walk(value: &mut Value, visit: &mut impl FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            visit(object);
            object.values_mut().for_each(|v| walk(v, visit));
        }
        Value::Array(items) => items.iter_mut().for_each(|v| walk(v, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Points at a schema.
pub fn reference(name: &str) -> Value {
    json!({"$ref": format!("{PREFIX}{name}")})
}

/// One of several named schemas, told apart by a field; a name may stand for several values.
fn union(text: &str, by: &str, members: &[(String, String)]) -> Value {
    let mapping: Map<String, Value> =
        members.iter().map(|(tag, name)| (tag.clone(), format!("{PREFIX}{name}").into())).collect();
    let mut one_of: Vec<Value> = Vec::new();
    for (_, name) in members {
        let member = reference(name);
        if !one_of.contains(&member) {
            one_of.push(member);
        }
    }
    json!({"description": text, "oneOf": one_of, "discriminator": {"propertyName": by, "mapping": mapping}})
}

/// The one value of a field that tells variants apart.
fn tag(variant: &Value, by: &str) -> Option<String> {
    match variant.pointer(&format!("/properties/{by}/enum"))?.as_array()?.as_slice() {
        [Value::String(only)] => Some(only.clone()),
        _ => None,
    }
}

/// An object with the fields of both.
fn merged(first: &Value, second: &Value) -> Value {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for schema in [first, second] {
        let own = schema["properties"].as_object().into_iter().flatten();
        properties.extend(own.map(|(name, property)| (name.clone(), property.clone())));
        required.extend(schema["required"].as_array().into_iter().flatten().cloned());
    }
    json!({"type": "object", "properties": properties, "required": required})
}

/// `turn_ended` as `TurnEnded`.
fn pascal(tag: &str) -> String {
    let words = tag.split(['_', ':']);
    words
        .map(|word| {
            let mut letters = word.chars();
            letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
        })
        .collect()
}
