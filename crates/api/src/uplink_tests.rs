use serde_json::json;

use super::*;

#[test]
fn a_directive_of_a_newer_server_does_not_cost_the_welcome() {
    let session = "0190b6a0-0000-7000-8000-000000000001";
    let text = json!({"welcome": {
        "protocol": 1,
        "spec": {"agent": "builtin", "cwd": "/repo"},
        "thread": ThreadId::new(session.parse().unwrap()),
        "agent_session_id": null,
        "next_index": 0,
        "directives": [
            {"seq": 3, "order": "dance", "tempo": 120},
            {"seq": 4, "order": "permissions", "mode": "all"},
        ],
    }});
    let Ok(RunnerDown::Welcome(welcome)) = serde_json::from_str(&text.to_string()) else { panic!("no welcome") };
    assert_eq!(welcome.directives.iter().map(|d| d.seq).collect::<Vec<_>>(), [4]);
    let alone = json!({"directive": {"seq": 3, "order": "dance"}});
    assert!(serde_json::from_str::<RunnerDown>(&alone.to_string()).is_err(), "passed over by who receives it");
}
