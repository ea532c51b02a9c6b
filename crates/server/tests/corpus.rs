//! Every event is as the description says: the log of a past release, one of each type, and those of a run now.

mod support;

// The corpus is core's own; as a test it cannot be used as a crate.
#[path = "../../core/src/event/event_samples.rs"]
mod samples;

use std::collections::BTreeSet;

use convene_api::{
    body::{CreateSession, PromptInput},
    client::CommandKey,
};
use convene_core::event::KnownEvent;
use jsonschema::Validator;
use serde_json::{Value, json};
use support::{http::Request, runner::Runner, worker::Worker};

const GOLDEN: &str = include_str!("../../core/tests/golden/main-job.jsonl");

fn document() -> Value {
    serde_json::from_str(&convene_server::openapi()).unwrap()
}

/// Checks against a schema of the description.
fn validator(document: &Value, name: &str) -> Validator {
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$ref": format!("#/components/schemas/{name}"),
        "components": document["components"],
    });
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

/// An event in its place, as clients see it.
fn placed(mut event: Value) -> Value {
    let place = json!({"session": "ses_0123456789abcdef0123456789abcdef", "seq": 1, "pos": 1, "at": "2026-11-21T09:14:03.114Z"});
    event.as_object_mut().unwrap().extend(place.as_object().unwrap().clone());
    event
}

/// Fails with what is wrong with an event.
fn check(validator: &Validator, event: &Value) {
    let wrong: Vec<String> = validator.iter_errors(event).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(wrong.is_empty(), "{event}\nis not as described: {wrong:#?}");
}

/// The schema of one type of event.
fn schema_of(document: &Value, tag: &str) -> String {
    let place = &document["components"]["schemas"]["KnownEvent"]["discriminator"]["mapping"][tag];
    place.as_str().unwrap_or_else(|| panic!("{tag} is not described")).rsplit('/').next().unwrap().to_owned()
}

#[test]
fn one_event_of_each_type_is_as_described() {
    let document = document();
    let any = validator(&document, "Event");
    let mut seen = BTreeSet::new();
    for event in samples::samples().into_iter().map(placed) {
        let tag = event["type"].as_str().unwrap().to_owned();
        check(&any, &event);
        let own = validator(&document, &schema_of(&document, &tag));
        check(&own, &event);
        for (field, value) in event.as_object().unwrap() {
            let mut odd = event.clone();
            odd[field] = json!([[value]]);
            // A field that may hold anything is none that can be wrong.
            let is_free = document["components"]["schemas"][schema_of(&document, &tag)]["properties"][field]
                .as_object()
                .is_some_and(|schema| schema.keys().all(|key| key == "description"));
            assert_eq!(own.is_valid(&odd), is_free, "{tag}.{field}");
        }
        seen.insert(tag);
    }
    let known: BTreeSet<String> = KnownEvent::TAGS.iter().map(|&tag| tag.to_owned()).collect();
    assert_eq!(seen, known, "the corpus has all types");
    let mapping = document["components"]["schemas"]["KnownEvent"]["discriminator"]["mapping"].as_object().unwrap();
    assert_eq!(mapping.keys().cloned().collect::<BTreeSet<_>>(), known, "the description has all types");
}

#[test]
fn the_log_of_a_past_release_is_as_described() {
    let any = validator(&document(), "Event");
    let events: Vec<Value> = GOLDEN.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(events.len() > 10);
    for event in events {
        check(&any, &if event.get("seq").is_some() { event } else { placed(event) });
    }
}

#[test]
fn an_event_of_a_later_version_is_one() {
    let document = document();
    let (any, known) = (validator(&document, "Event"), validator(&document, "KnownEvent"));
    let later = placed(json!({"type": "tea_served", "cups": 2}));
    check(&any, &later);
    assert!(!known.is_valid(&later));
    // One that this version knows is not excused as a later one.
    assert!(!any.is_valid(&placed(json!({"type": "turn_ended"}))), "it has no stop reason");
}

#[tokio::test]
async fn what_a_run_writes_is_as_described() {
    let server = support::start().await;
    let client = server.client();
    let mut worker = Worker::connect(&server).await;
    let body = CreateSession { prompt: Some(PromptInput::Text("hi".to_owned())), ..CreateSession::default() };
    let session = client.create_session(&body, &CommandKey::fresh()).await.unwrap().session;
    let start = worker.take_start().await;
    let mut runner = Runner::connect(&server, &start).await;
    runner.begin().await;
    let turn = runner.first_turn();
    runner.hand_over(turn).await;
    runner.answer(turn, 3).await;
    // What a newer runner may report.
    runner.report(&[json!({"type": "tea_served", "turn": turn, "cups": 2})]).await;
    runner.end_turn(turn).await;
    let at = format!("/v1/sessions/{}/events?limit=1000", session.id);
    let page = Request::new("GET", &at).token(&server.token).send(&server).await.json();
    let document = document();
    check(&validator(&document, "EventPage"), &page);
    let any = validator(&document, "Event");
    let tags: Vec<&str> = page["items"].as_array().unwrap().iter().map(|e| e["type"].as_str().unwrap()).collect();
    assert!(tags.contains(&"tea_served") && tags.contains(&"turn_ended"), "{tags:?}");
    for event in page["items"].as_array().unwrap() {
        check(&any, event);
    }
    check(
        &validator(&document, "Session"),
        &serde_json::to_value(client.session(&session.id.to_string()).await.unwrap()).unwrap(),
    );
    server.stop().await;
}

#[test]
fn examples_are_as_described() {
    let document = document();
    let mut checked = 0;
    for operation in document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values())
    {
        let responses = operation["responses"].as_object().unwrap().values();
        for place in responses.chain([&operation["requestBody"]]) {
            let content = &place["content"]["application/json"];
            let Some(example) = content.get("example") else { continue };
            let schema = content["schema"]["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
            check(&validator(&document, schema), example);
            checked += 1;
        }
    }
    assert!(checked > 25, "{checked} examples");
    for (name, refusal) in document["components"]["responses"].as_object().unwrap() {
        let example = &refusal["content"]["application/problem+json"]["example"];
        check(&validator(&document, "Problem"), example);
        assert!(name.ends_with(&example["status"].to_string()), "{name}: {example}");
    }
}
