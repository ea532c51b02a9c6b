//! Logs of earlier versions fold and project as they did. A golden log is never changed; a new release adds its own.

use std::{fs, path::Path};

use convene_core::{
    event::{Event, EventBody, EventData, wire_json},
    session::SessionState,
    view,
};

fn log(name: &str) -> Vec<(String, Event)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| (line.to_owned(), Event::from_wire(line).unwrap())).collect()
}

fn fold(log: &[(String, Event)]) -> SessionState {
    let mut state = SessionState::begin(&log[0].1).unwrap();
    for (line, event) in &log[1..] {
        assert_eq!(event.seq, state.seq + 1, "{line}");
        state.apply(event);
        // A snapshot may be taken after any event.
        let text = serde_json::to_string(&state).unwrap();
        assert_eq!(serde_json::from_str::<SessionState>(&text).unwrap(), state, "{line}");
    }
    state
}

#[test]
fn the_main_job_folds_as_it_did() {
    let state = fold(&log("main-job.jsonl"));
    insta::assert_json_snapshot!("main_job_view", view::session(&state));
}

#[test]
fn sleeping_resuming_and_clearing_fold_as_they_did() {
    let state = fold(&log("lifecycle.jsonl"));
    insta::assert_json_snapshot!("lifecycle_view", view::session(&state));
}

#[test]
fn the_logs_are_written_as_they_were() {
    for (line, event) in log("main-job.jsonl").into_iter().chain(log("lifecycle.jsonl")) {
        let stored = event.data.to_json();
        assert_eq!(wire_json(event.session, event.seq, event.pos, event.at, &stored), line);
        assert_eq!(EventData::from_json(&stored).unwrap(), event.data);
    }
}

#[test]
fn a_type_of_a_newer_version_is_kept_verbatim() {
    let log = log("main-job.jsonl");
    let (line, event) = log.iter().find(|(_, e)| matches!(e.data.body, EventBody::Unknown(_))).unwrap();
    assert_eq!(event.data.tag(), "compaction_noted");
    assert!(line.contains(r#""tokens":{"after":1200,"before":9000},"type":"compaction_noted","why":null"#));
    let without: Vec<_> = log.iter().filter(|(_, e)| e.seq != event.seq).cloned().collect();
    let mut with = SessionState::begin(&log[0].1).unwrap();
    let mut same = with.clone();
    log[1..].iter().for_each(|(_, e)| with.apply(e));
    without[1..].iter().for_each(|(_, e)| same.apply(e));
    assert_eq!(with, same, "it folds as nothing");
}
