use super::*;

/// What is wrong with a script, with its cause.
fn error(text: &str) -> String {
    let error = Script::parse(text).unwrap_err();
    let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    format!("{error}: {cause}")
}

#[test]
fn an_unknown_field_is_named_with_its_place() {
    let said = error("{\"turns\": [{\"steps\": [\n{\"say\": {\"txt\": \"hi\"}}]}]}");
    assert!(said.contains("unknown field `txt`"), "{said}");
    assert!(said.contains("`text`"), "{said}");
    assert!(said.contains("line 2"), "{said}");
    let said = error(r#"{"turns": [], "turn": []}"#);
    assert!(said.contains("unknown field `turn`"), "{said}");
    let said = error(r#"{"turns": [{"steps": [{"shout": {"text": "hi"}}]}]}"#);
    assert!(said.contains("unknown variant `shout`"), "{said}");
}

#[test]
fn what_means_nothing_is_refused() {
    for (text, words) in [
        (r#"{"turns": []}"#, "`turns` is empty"),
        (r#"{"turns": [{"steps": [{"ask": {"title": "Sure?", "options": []}}]}]}"#, "has no options"),
        (r#"{"turns": [{"steps": [{"run": {"command": []}}]}]}"#, "empty `command`"),
        (r#"{"turns": [{"steps": [{"write_file": {"path": "../x", "text": ""}}]}]}"#, "leaves the session's directory"),
        (r#"{"turns": [{"steps": []}], "modes": {"current": "a", "available": []}}"#, "mode `a`"),
        (
            r#"{"turns": [{"steps": []}], "config_options": [{"id": "m", "name": "M", "value": "x", "choices": []}]}"#,
            "config option `m`",
        ),
    ] {
        let said = error(text);
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn a_missing_file_is_named() {
    let said = Script::load(Path::new("/no/such/script.json")).unwrap_err().to_string();
    assert!(said.contains("/no/such/script.json"), "{said}");
}

/// The README's examples are real scripts.
#[test]
fn the_examples_of_the_readme_can_be_read() {
    let readme = include_str!("../README.md");
    let mut examples = 0;
    for block in readme.split("```json\n").skip(1) {
        let json = block.split("```").next().unwrap();
        if json.contains("\"turns\"") {
            Script::parse(json).unwrap();
            examples += 1;
        }
    }
    assert!(examples > 0);
}
