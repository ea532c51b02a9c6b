use convene_api::body::CreateSession;
use serde_json::json;

use super::*;

#[test]
fn no_word_of_rust_is_in_what_is_said_about_a_body() {
    for (value, detail) in [
        (json!({"prompt": "x", "title": 7}), "title: it must be a text"),
        (json!({"prompt": "x", "add_dirs": "x"}), "add_dirs: it must be a list"),
        (json!({"prompt": "x", "env": []}), "env: it must be an object"),
        (json!("x"), "body: it must be an object"),
    ] {
        let error = serde_json::from_value::<CreateSession>(value.clone()).unwrap_err();
        assert_eq!(body::<CreateSession>(value.clone(), &error).detail, detail, "{value}");
    }
}

#[test]
fn no_word_of_rust_is_in_what_is_said_about_a_query() {
    for (said, detail) in [
        ("limit: invalid digit found in string", "limit: it must be a whole number, 0 or more"),
        ("limit: number too large to fit in target type", "limit: it is too large"),
        ("limit: cannot parse integer from empty string", "limit: it must be a whole number, 0 or more"),
        ("force: provided string was not `true` or `false`", "force: it must be true or false"),
        ("turn: it is no id", "turn: it is no id"),
    ] {
        assert_eq!(query(&format!("Failed to deserialize query string: {said}")).detail, detail);
    }
}
