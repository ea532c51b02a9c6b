//! The agent's settings: config options, and what older agents have instead of them (`modes`, `models`).

use convene_core::content::{ConfigChoice, ConfigOption, ConfigVia};
use serde_json::{Value, json};

use super::content::{items, text};

/// Config options, as the protocol has them now.
pub fn options(value: &Value) -> Vec<ConfigOption> {
    items(Some(value.clone())).iter().filter_map(option).collect()
}

fn option(value: &Value) -> Option<ConfigOption> {
    let id = text(value, "id")?;
    let current = value.get("currentValue").filter(|value| value.is_string() || value.is_boolean())?.clone();
    let choices = value.get("options").map(choices).unwrap_or_default();
    let name = text(value, "name").unwrap_or_else(|| id.clone());
    Some(ConfigOption {
        id,
        name,
        category: text(value, "category"),
        value: current,
        choices,
        via: ConfigVia::ConfigOption,
    })
}

/// Choices, in groups or not.
fn choices(value: &Value) -> Vec<ConfigChoice> {
    let one = |value: &Value| {
        let id = text(value, "value")?;
        let name = text(value, "name").unwrap_or_else(|| id.clone());
        Some(ConfigChoice { value: id, name })
    };
    let mut found = Vec::new();
    for item in items(Some(value.clone())) {
        match item.get("options") {
            Some(group) => found.extend(items(Some(group.clone())).iter().filter_map(one)),
            None => found.extend(one(&item)),
        }
    }
    found
}

/// All settings that an answer to `session/new`, `load` or `resume` tells of, old ways included where there is no new one.
pub fn of_session(response: &Value) -> Vec<ConfigOption> {
    let mut found = response.get("configOptions").map(options).unwrap_or_default();
    let has = |found: &[ConfigOption], category: &str| found.iter().any(|o| o.category.as_deref() == Some(category));
    if !has(&found, "mode")
        && let Some(modes) = response.get("modes")
        && let Some(current) = text(modes, "currentModeId")
    {
        let choices = legacy_choices(modes.get("availableModes"), "id");
        found.push(legacy("mode", "Mode", current, choices, ConfigVia::SetMode));
    }
    if !has(&found, "model")
        && let Some(models) = response.get("models")
        && let Some(current) = text(models, "currentModelId")
    {
        let choices = legacy_choices(models.get("availableModels"), "modelId");
        found.push(legacy("model", "Model", current, choices, ConfigVia::SetModel));
    }
    found
}

fn legacy(id: &str, name: &str, current: String, choices: Vec<ConfigChoice>, via: ConfigVia) -> ConfigOption {
    ConfigOption {
        id: id.to_owned(),
        name: name.to_owned(),
        category: Some(id.to_owned()),
        value: current.into(),
        choices,
        via,
    }
}

fn legacy_choices(value: Option<&Value>, id: &str) -> Vec<ConfigChoice> {
    let choice = |value: Value| {
        let value_id = text(&value, id)?;
        let name = text(&value, "name").unwrap_or_else(|| value_id.clone());
        Some(ConfigChoice { value: value_id, name })
    };
    items(value.cloned()).into_iter().filter_map(choice).collect()
}

/// Takes over newer config options; settings of the old ways stay.
pub fn replace(known: &mut Vec<ConfigOption>, newer: Vec<ConfigOption>) {
    let old_ways =
        |o: &ConfigOption| o.via != ConfigVia::ConfigOption && newer.iter().all(|n| n.category != o.category);
    let kept: Vec<ConfigOption> = known.iter().filter(|o| old_ways(o)).cloned().collect();
    *known = newer;
    known.extend(kept);
}

/// The setting of a name: an id, or a category such as `model`.
pub fn find<'a>(known: &'a [ConfigOption], name: &str) -> Option<&'a ConfigOption> {
    known.iter().find(|o| o.id == name).or_else(|| known.iter().find(|o| o.category.as_deref() == Some(name)))
}

/// The value that somebody means: what the agent lists, by its value or its name, whatever its case; else what was said,
/// since agents take more than they list.
pub fn meant(option: &ConfigOption, value: Value) -> Value {
    let Some(said) = value.as_str() else { return value };
    if option.choices.iter().any(|choice| choice.value == said) {
        return value;
    }
    let mut alike = option
        .choices
        .iter()
        .filter(|choice| choice.value.eq_ignore_ascii_case(said) || choice.name.eq_ignore_ascii_case(said));
    match (alike.next(), alike.next()) {
        (Some(only), None) => only.value.as_str().into(),
        (Some(_), Some(_)) | (None, _) => value,
    }
}

/// The question that changes a setting: method and parameters.
pub fn change(option: &ConfigOption, session: &str, value: &Value) -> (&'static str, Value) {
    match option.via {
        ConfigVia::ConfigOption => {
            let mut params = json!({"sessionId": session, "configId": option.id, "value": value});
            if value.is_boolean() {
                params["type"] = "boolean".into();
            }
            ("session/set_config_option", params)
        }
        ConfigVia::SetMode => ("session/set_mode", json!({"sessionId": session, "modeId": value})),
        ConfigVia::SetModel => ("session/set_model", json!({"sessionId": session, "modelId": value})),
    }
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
