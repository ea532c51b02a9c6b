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

#[test]
fn what_is_no_json_is_said_in_words_of_our_own() {
    for (text, expected) in [
        ("{\"a\": 1,}", "it is no JSON: a comma stands before the end of a list or an object, at line 1, column 9"),
        ("{\"a\": 1", "it is no JSON: it ends before it is whole, at line 1, column 7"),
        ("{a: 1}", "it is no JSON: a name must be a text in double quotes, at line 1, column 2"),
        ("{\"a\" 1}", "it is no JSON: a colon is missing behind a name, at line 1, column 6"),
        ("{\"a\": 1 \"b\": 2}", "it is no JSON: a comma or the end is missing, at line 1, column 9"),
        ("{\"a\":\n x}", "it is no JSON: a value is missing or misspelled, at line 2, column 2"),
        ("{} {}", "it is no JSON: there is more behind it, at line 1, column 4"),
        ("{\"a\": 01}", "it is no JSON: a number is misspelled or too large, at line 1, column 8"),
        (
            "{\"a\": \"b\nc\"}",
            "it is no JSON: a text has a raw control character, such as a line break, at line 2, column 0",
        ),
    ] {
        let error = serde_json::from_str::<Value>(text).unwrap_err();
        assert_eq!(syntax(&error), expected, "{text}");
    }
}
