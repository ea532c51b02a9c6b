use serde_json::json;
use uuid::Uuid;

use super::*;

const SECRET: &str = "canary-0123456789";

fn session(number: u128) -> SessionId {
    SessionId::new(Uuid::from_u128(number))
}

fn spec() -> SessionSpec {
    serde_json::from_value(json!({
        "agent": "fake", "cwd": "/tmp", "env": {"A": SECRET, "EMPTY": ""},
        "mcp_servers": [
            {"name": "stdio", "command": "x", "args": ["plain"], "env": [{"name": "B", "value": SECRET}]},
            {"type": "http", "name": "web", "url": "http://127.0.0.1", "headers": [{"name": "C", "value": SECRET}]},
            {"name": "people", "command": "x", "env": {"D": SECRET}, "headers": {"E": SECRET}},
            {"name": "odd", "env": null, "headers": 7}, "text", null,
        ],
    }))
    .unwrap()
}

#[test]
fn values_are_locked_and_opened_again() {
    let seal = Seal::new(&[7; 32]);
    let mut sealed = spec();
    seal.close(session(1), &mut sealed).unwrap();
    let text = serde_json::to_string(&sealed).unwrap();
    assert!(!text.contains("canary"), "{text}");
    assert_eq!(text.matches(MARK).count(), 6);
    for kept in ["plain", "stdio", "http://127.0.0.1", "\"A\"", "\"D\""] {
        assert!(text.contains(kept), "{kept} is gone: {text}");
    }
    // Equal values do not look alike.
    assert_ne!(sealed.env["A"], sealed.mcp_servers[2]["env"]["D"].as_str().unwrap());
    let mut opened = sealed.clone();
    seal.open(session(1), &mut opened).unwrap();
    assert_eq!(opened, spec());
}

#[test]
fn what_was_moved_changed_or_locked_with_another_key_does_not_open() {
    let seal = Seal::new(&[7; 32]);
    let mut sealed = spec();
    seal.close(session(1), &mut sealed).unwrap();
    let refused = |seal: &Seal, id: SessionId, spec: &SessionSpec| seal.open(id, &mut spec.clone()).unwrap_err();
    assert_eq!(refused(&seal, session(2), &sealed).what, "env/A");
    assert_eq!(refused(&Seal::new(&[8; 32]), session(1), &sealed).what, "env/A");
    let mut moved = sealed.clone();
    let value = moved.env.remove("A").unwrap();
    moved.env.insert("Z".to_owned(), value);
    assert_eq!(refused(&seal, session(1), &moved).what, "env/Z");
    for broken in ["sealed:v1:", "sealed:v1:AAAA", "sealed:v1:!"] {
        let mut changed = sealed.clone();
        changed.env.insert("A".to_owned(), broken.to_owned());
        assert_eq!(refused(&seal, session(1), &changed).what, "env/A", "{broken}");
    }
}

#[test]
fn a_value_that_looks_locked_is_locked_all_the_same() {
    let seal = Seal::new(&[7; 32]);
    let mut sealed = spec();
    sealed.env.insert("A".to_owned(), format!("{MARK}AAAA"));
    seal.close(session(1), &mut sealed).unwrap();
    seal.open(session(1), &mut sealed).unwrap();
    assert_eq!(sealed.env["A"], format!("{MARK}AAAA"));
}
