//! Ledgers of sessions beside one that cannot be written down.

mod support;

use std::{fs, path::Path};

use convene_api::{
    body::{CreateSession, RepairSession},
    client::CommandKey,
};
use convene_core::view::SessionView;
use support::{
    Server,
    damage::{Snapshots, lose},
    http::Request,
    play::stopped,
    until,
    worker::Worker,
};

/// A session in a directory of this name.
fn inside(server: &Server, name: &str) -> CreateSession {
    let dir = Path::new(&server.home()).join(name);
    fs::create_dir_all(&dir).unwrap();
    CreateSession { cwd: Some(dir.display().to_string()), ..CreateSession::default() }
}

/// The server again, with ledgers.
async fn again(home: &Path) -> Server {
    let mut config = support::config(home);
    config.ledger = Some(home.join("ledgers"));
    support::start_in(config).await.unwrap()
}

async fn export(server: &Server, session: &SessionView) -> String {
    let path = format!("/v1/sessions/{}/export", session.id);
    Request::new("GET", &path).token(&server.token).send(server).await.body
}

/// Up to where all is written.
fn written(home: &Path) -> Option<u64> {
    fs::read_to_string(home.join("ledgers/.written")).ok()?.split_whitespace().nth(1)?.parse().ok()
}

#[tokio::test]
async fn a_log_that_cannot_be_read_is_marked_and_the_others_are_written() {
    let server = support::start().await;
    let mut worker = Worker::connect(&server).await;
    let hit = stopped(&server, &mut worker, inside(&server, "hit"), &[]).await;
    let mended = stopped(&server, &mut worker, inside(&server, "mended"), &[]).await;
    let well = stopped(&server, &mut worker, inside(&server, "well"), &[]).await;
    let dir = server.dir.clone();
    drop(worker);
    let home = server.stop().await.unwrap();
    for session in [&hit, &mended] {
        lose(&dir, session.id, "turn_handed_over", Snapshots::Stay);
    }
    let server = support::start_in(support::config(home.path())).await.unwrap();
    let repair = RepairSession { dry_run: false, force: true };
    let repaired = server.client().repair(mended.id, &repair, &CommandKey::fresh()).await.unwrap();
    assert!(repaired.repair.persisted, "{repaired:?}");
    server.stop().await;

    let server = again(home.path()).await;
    let place = |session: &SessionView, name: &str| {
        home.path().join("ledgers").join(name).join(session.id.to_string()).join("ledger.jsonl")
    };
    // The damaged one comes before the others in the list.
    for (session, name) in [(&well, "well"), (&mended, "mended")] {
        let text = until("the ledger", async || fs::read_to_string(place(session, name)).ok()).await;
        assert_eq!(text, export(&server, session).await, "{name}");
    }
    let text = fs::read_to_string(place(&mended, "mended")).unwrap();
    assert!(!text.contains("turn_handed_over") && text.contains("event_sequence_gap"), "the hole is told: {text}");
    until("everything to be done", async || written(home.path()).filter(|pos| *pos >= repaired.session.pos)).await;
    assert!(!place(&hit, "hit").exists(), "half a log would pass for a whole one");
    let mark = fs::read_to_string(place(&hit, "hit").with_file_name("ledger.unreadable")).unwrap();
    assert!(mark.contains(&hit.id.to_string()), "{mark}");

    // Repaired it is written, and the mark is gone.
    server.client().repair(hit.id, &repair, &CommandKey::fresh()).await.unwrap();
    let text = until("its ledger", async || fs::read_to_string(place(&hit, "hit")).ok()).await;
    assert_eq!(text, export(&server, &hit).await);
    until("the mark to go", async || (!place(&hit, "hit").with_file_name("ledger.unreadable").exists()).then_some(()))
        .await;
    server.stop().await;
}

#[tokio::test]
async fn a_session_that_the_disk_refuses_holds_up_nobody_and_is_given_up_when_it_is_gone() {
    let server = support::start().await;
    let mut worker = Worker::connect(&server).await;
    let refused = stopped(&server, &mut worker, inside(&server, "refused"), &[]).await;
    let well = stopped(&server, &mut worker, inside(&server, "well"), &[]).await;
    drop(worker);
    let home = server.stop().await.unwrap();
    let ledgers = home.path().join("ledgers");
    fs::create_dir_all(&ledgers).unwrap();
    fs::write(ledgers.join("refused"), "a file where a directory is wanted").unwrap();

    let server = again(home.path()).await;
    let of_well = ledgers.join("well").join(well.id.to_string()).join("ledger.jsonl");
    until("the other ledger", async || of_well.exists().then_some(())).await;
    let pos = until("a position", async || written(home.path())).await;
    assert!(pos < refused.pos, "it would not be tried again after a restart: {pos} {}", refused.pos);
    server.client().delete_session(refused.id, &Default::default(), &CommandKey::fresh()).await.unwrap();
    until("the others to be done", async || written(home.path()).filter(|pos| *pos > well.pos)).await;
    server.stop().await;
}
