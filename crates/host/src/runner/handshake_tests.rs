use agent_client_protocol::v1::schema::InitializeRequest;

use super::*;

#[test]
fn announces_what_the_official_types_understand() {
    let request: InitializeRequest = serde_json::from_value(initialize_params()).unwrap();
    let again = serde_json::to_value(request).unwrap();
    let ours = initialize_params();
    for (name, value) in ours["clientCapabilities"].as_object().unwrap() {
        let theirs = &again["clientCapabilities"][name];
        assert!(contains(theirs, value), "{name}: {theirs} is not {value}");
    }
}

fn contains(theirs: &Value, ours: &Value) -> bool {
    match (theirs, ours) {
        (Value::Object(theirs), Value::Object(ours)) => {
            ours.iter().all(|(name, value)| theirs.get(name).is_some_and(|theirs| contains(theirs, value)))
        }
        (theirs, ours) => theirs == ours,
    }
}

#[test]
fn sets_the_mode_before_the_model() {
    let spec =
        serde_json::json!({"agent": "a", "cwd": "/", "mode": "code", "model": "m", "config": {"effort": "high"}});
    let spec: SessionSpec = serde_json::from_value(spec).unwrap();
    let names: Vec<String> = wanted_settings(&spec).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["mode", "model", "effort"]);
}
