use super::*;

fn response() -> Value {
    json!({
        "sessionId": "s",
        "configOptions": [
            {"id": "m", "name": "Model", "category": "model", "type": "select", "currentValue": "a", "options": [
                {"group": "g", "name": "Group", "options": [{"value": "a", "name": "A"}, {"value": "b", "name": "B"}]},
            ]},
            {"id": "fast", "name": "Fast", "type": "boolean", "currentValue": true},
            {"id": "broken"},
        ],
        "modes": {"currentModeId": "ask", "availableModes": [{"id": "ask", "name": "Ask"}, {"id": "code"}]},
        "models": {"currentModelId": "x", "availableModels": [{"modelId": "x", "name": "X"}]},
    })
}

#[test]
fn prefers_config_options_to_the_old_ways() {
    let found = of_session(&response());
    let ids: Vec<(&str, ConfigVia)> = found.iter().map(|o| (o.id.as_str(), o.via)).collect();
    assert_eq!(ids, [("m", ConfigVia::ConfigOption), ("fast", ConfigVia::ConfigOption), ("mode", ConfigVia::SetMode)]);
    assert_eq!(found[0].choices.len(), 2);
    assert_eq!(find(&found, "model").unwrap().id, "m");
    assert_eq!(find(&found, "fast").unwrap().value, true);
    assert!(find(&found, "nothing").is_none());
}

#[test]
fn keeps_settings_of_the_old_ways() {
    let mut known = of_session(&response());
    replace(&mut known, options(&json!([{"id": "m", "category": "model", "currentValue": "b", "options": []}])));
    let ids: Vec<&str> = known.iter().map(|o| o.id.as_str()).collect();
    assert_eq!(ids, ["m", "mode"]);
}

#[test]
fn asks_in_the_way_that_the_agent_knows() {
    use agent_client_protocol::v1::schema::{SetSessionConfigOptionRequest, SetSessionModeRequest};

    let found = of_session(&response());
    let (method, params) = change(&found[0], "s", &json!("b"));
    assert_eq!(method, "session/set_config_option");
    serde_json::from_value::<SetSessionConfigOptionRequest>(params).unwrap();
    let (_, params) = change(&found[1], "s", &json!(false));
    let request: SetSessionConfigOptionRequest = serde_json::from_value(params).unwrap();
    assert_eq!(serde_json::to_value(request).unwrap()["type"], "boolean");
    let (method, params) = change(&found[2], "s", &json!("code"));
    assert_eq!(method, "session/set_mode");
    serde_json::from_value::<SetSessionModeRequest>(params).unwrap();
}
