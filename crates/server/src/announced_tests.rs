use serde_json::json;

use super::*;

fn said(worker: &str, version: &str, at: i64) -> AgentAnnounced {
    AgentAnnounced {
        name: "agent".to_owned(),
        title: None,
        version: Some(version.to_owned()),
        protocol_version: 1,
        capabilities: json!({"loadSession": true}),
        auth_methods: Vec::new(),
        signed_in: Some(true),
        config_options: Vec::new(),
        worker: worker.to_owned(),
        at: Timestamp::from_second(at).expect("a time"),
    }
}

#[tokio::test]
async fn the_newest_word_of_each_worker_outlives_the_server() {
    let dir = tempfile::tempdir().expect("a directory");
    let announced = Arc::new(Announcements::open(dir.path()));
    assert!(announced.of("codex").is_empty());
    assert!(announced.keep("codex", said("here", "1.0.0", 10)).await);
    assert!(announced.keep("codex", said("there", "1.1.0", 20)).await);
    assert!(announced.keep("codex", said("here", "1.2.0", 30)).await);
    assert!(!announced.keep("codex", said("here", "1.2.0", 40)).await, "the same again is no news");
    let versions = |announced: &Announcements| -> Vec<_> {
        announced.of("codex").into_iter().map(|said| (said.worker, said.version.unwrap_or_default())).collect()
    };
    let known = [("here".to_owned(), "1.2.0".to_owned()), ("there".to_owned(), "1.1.0".to_owned())];
    assert_eq!(versions(&announced), known, "the newest comes first");
    assert_eq!(versions(&Announcements::open(dir.path())), known);
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_as_good_as_none() {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join(FILE), "{ broken").expect("a file");
    let announced = Arc::new(Announcements::open(dir.path()));
    assert!(announced.of("codex").is_empty());
    assert!(announced.keep("codex", said("here", "1.0.0", 10)).await);
    assert_eq!(Announcements::open(dir.path()).of("codex").len(), 1, "and is replaced");
}
