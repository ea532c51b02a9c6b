use super::*;

#[test]
fn every_level_has_what_the_ones_before_it_have() {
    let session = "ses_0197f1b2c3d47e5fa6b7c8d9e0f1a2b3";
    let cases: [(Method, String, Level); 16] = [
        (Method::GET, "/v1/sessions".to_owned(), Level::Read),
        (Method::GET, format!("/v1/sessions/{session}/permissions"), Level::Read),
        (Method::GET, "/metrics".to_owned(), Level::Read),
        (Method::HEAD, "/v1/events".to_owned(), Level::Read),
        (Method::GET, "/v1/ws".to_owned(), Level::Read),
        (Method::POST, format!("/v1/sessions/{session}/permissions/prm_1"), Level::Approve),
        (Method::POST, format!("/v1/sessions/{session}/elicitations/eli_1"), Level::Approve),
        (Method::POST, "/v1/sessions".to_owned(), Level::Write),
        (Method::DELETE, format!("/v1/sessions/{session}"), Level::Write),
        (Method::POST, format!("/v1/threads/{session}/prompts"), Level::Write),
        (Method::POST, "/v1/something/new".to_owned(), Level::Write),
        (Method::GET, "/v1/tokens".to_owned(), Level::Admin),
        (Method::POST, "/v1/tokens/tok_1/rotate".to_owned(), Level::Admin),
        (Method::GET, "/v1/audit".to_owned(), Level::Admin),
        (Method::POST, "/v1/login/links".to_owned(), Level::Admin),
        (Method::GET, "/v1/uplink/worker".to_owned(), Level::Admin),
    ];
    for (method, path, wanted) in cases {
        for (name, level) in Level::NAMES {
            let caller = Caller {
                scope: Scope::Person(level),
                owner: "alex".to_owned(),
                namespace: NAMESPACE,
                shown: Presented::Owner,
                token_name: None,
            };
            assert_eq!(caller.authorize(&method, &path).is_ok(), level >= wanted, "{name}: {method} {path}");
        }
    }
}

#[test]
fn names_of_scopes_are_read_as_they_are_written() {
    for (name, level) in Level::NAMES {
        assert_eq!(Scope::of_token(name), Some(Scope::Person(level)));
        assert_eq!(level.name(), name);
    }
    assert_eq!(Scope::of_token("owner"), Some(Scope::Person(Level::Admin)));
    assert_eq!(Scope::of_token("worker"), Some(Scope::Worker));
    for name in ["", "Admin", "attempt", "read,write"] {
        assert_eq!(Scope::of_token(name), None, "{name}");
    }
}
