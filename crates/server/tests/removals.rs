//! Sessions and the worktrees that were made for them: what goes first, what stays, and what is finished later.

mod support;

use std::fs;

use convene_api::{
    body::{CreateSession, DeleteSession, PromptInput, PruneSessions, SendPrompt, WorktreeFate},
    client::{ClientError, CommandKey},
    problem::Code,
    uplink::{Answer, WorkerUp},
};
use convene_core::{ids::SessionId, view::SessionView};
use serde_json::{Value, json};
use support::{Server, play::stopped, until, worker::Worker};

const PATH: &str = "/worktrees/shop";

/// A stopped session with a worktree of its own.
async fn with_worktree(server: &Server, worker: &mut Worker) -> SessionView {
    let workspace = json!({"cwd": server.home(), "root": PATH, "branch": "convene/x", "worktree_of": "/shop"});
    let ready = json!({"type": "workspace_ready", "workspace": workspace});
    stopped(server, worker, CreateSession::default(), &[ready]).await
}

/// The next question to the worker, or order to start something.
async fn asked(worker: &mut Worker) -> Value {
    worker.socket.next_that(|f| f.get("ask").is_some() || f.get("start_attempt").is_some()).await
}

async fn answer(worker: &mut Worker, ask: &Value, answer: Answer) {
    worker.say(&WorkerUp::Answer { id: ask["ask"]["id"].as_u64().unwrap(), answer }).await;
}

/// Answers that the worktree may go.
async fn may_go(worker: &mut Worker, session: &SessionView) {
    let ask = asked(worker).await;
    let wanted = json!({"may_remove_worktree": {"session": session.id, "path": PATH, "force": false}});
    assert_eq!(ask["ask"]["question"], wanted);
    answer(worker, &ask, Answer::MayRemove {}).await;
}

fn wanted_gone(session: SessionId) -> Value {
    json!({"remove_worktree": {"session": session, "path": PATH, "branch": "convene/x", "force": false}})
}

async fn is_there(server: &Server, session: SessionId) -> bool {
    server.client().session(&session.to_string()).await.is_ok()
}

fn plans(server: &Server) -> usize {
    fs::read_dir(server.dir.join("removals")).map_or(0, Iterator::count)
}

#[tokio::test]
async fn a_worktree_goes_after_its_session_and_not_before() {
    let server = support::start().await;
    let mut worker = Worker::connect(&server).await;
    let session = with_worktree(&server, &mut worker).await;
    let client = server.client();
    let (body, key) = (DeleteSession::default(), CommandKey::fresh());
    let removed = client.delete_session(session.id, &body, &key);
    let play = async {
        assert!(is_there(&server, session.id).await);
        may_go(&mut worker, &session).await;
        let ask = asked(&mut worker).await;
        assert_eq!(ask["ask"]["question"], wanted_gone(session.id));
        assert!(!is_there(&server, session.id).await, "the worktree would go before its session");
        assert_eq!(plans(&server), 1);
        answer(&mut worker, &ask, Answer::Removed { branch_kept: false }).await;
    };
    let (removed, ()) = tokio::join!(removed, play);
    removed.unwrap();
    assert_eq!(plans(&server), 0, "nothing is left to do");
    server.stop().await;
}

#[tokio::test]
async fn what_may_not_go_keeps_its_session_and_what_is_kept_is_not_asked_about() {
    let server = support::start().await;
    let mut worker = Worker::connect(&server).await;
    let session = with_worktree(&server, &mut worker).await;
    let client = server.client();
    let (body, key) = (DeleteSession::default(), CommandKey::fresh());
    let play = async {
        let ask = asked(&mut worker).await;
        answer(&mut worker, &ask, Answer::refused(Code::WorktreeDirty, "1 file not committed")).await;
    };
    let (refused, ()) = tokio::join!(client.delete_session(session.id, &body, &key), play);
    match refused {
        Err(ClientError::Problem(problem)) => assert_eq!(problem.code, Code::WorktreeDirty),
        other => panic!("it was removed: {other:?}"),
    }
    assert!(is_there(&server, session.id).await && plans(&server) == 0);
    let keep = DeleteSession { worktree: WorktreeFate::Keep, ..DeleteSession::default() };
    client.delete_session(session.id, &keep, &CommandKey::fresh()).await.unwrap();
    assert!(!is_there(&server, session.id).await && plans(&server) == 0);
    server.stop().await;
}

#[tokio::test]
async fn a_session_that_is_used_while_it_is_looked_at_is_not_pruned_and_keeps_its_worktree() {
    let server = support::start().await;
    let mut worker = Worker::connect(&server).await;
    let session = with_worktree(&server, &mut worker).await;
    let client = server.client();
    let (body, key) = (PruneSessions { keep: Some(0), ..PruneSessions::default() }, CommandKey::fresh());
    let play = async {
        let ask = asked(&mut worker).await;
        let more = SendPrompt { content: PromptInput::Text("more".to_owned()), mode: Default::default() };
        client.prompt(session.id, &more, &CommandKey::fresh()).await.unwrap();
        answer(&mut worker, &ask, Answer::MayRemove {}).await;
        // Not a question about the worktree again.
        let start = worker.socket.next_that(|f| f.get("ask").is_some() || f.get("start_attempt").is_some()).await;
        assert_eq!(start["start_attempt"]["session"], session.id.to_string(), "{start}");
    };
    let (pruned, ()) = tokio::join!(client.prune(&body, &key), play);
    let pruned = pruned.unwrap();
    assert!(pruned.items.is_empty() && pruned.kept.len() == 1 && pruned.kept[0].id == session.id, "{pruned:?}");
    assert!(is_there(&server, session.id).await && plans(&server) == 0);
    server.stop().await;
}

#[tokio::test]
async fn a_worktree_that_outlives_its_session_goes_when_its_worker_is_back() {
    let server = support::start().await;
    let mut worker = Worker::connect(&server).await;
    let session = with_worktree(&server, &mut worker).await;
    let client = server.client();
    let (body, key) = (DeleteSession::default(), CommandKey::fresh());
    let play = async {
        may_go(&mut worker, &session).await;
        asked(&mut worker).await;
        // It dies before it has removed anything.
        worker.socket.drop_link().await;
    };
    let (removed, ()) = tokio::join!(client.delete_session(session.id, &body, &key), play);
    removed.expect("the session is gone, whatever became of its worktree");
    assert_eq!(plans(&server), 1);
    let dir = server.dir.clone();
    let home = server.stop().await.unwrap();
    // What was planned for a session that is not gone, because the server died before that, is not carried out.
    let server = support::start_in(support::config(home.path())).await.unwrap();
    let body = CreateSession { prompt: None, ..CreateSession::default() };
    let live = server.client().create_session(&body, &CommandKey::fresh()).await.unwrap().session.id;
    server.stop().await;
    let plan = json!({"session": live, "worker": "here", "path": PATH, "branch": "b", "force": true});
    fs::write(dir.join(format!("removals/{live}.json")), plan.to_string()).unwrap();

    let server = support::start_in(support::config(home.path())).await.unwrap();
    let mut worker = Worker::connect(&server).await;
    let ask = worker.socket.next_that(|f| f.get("ask").is_some()).await;
    assert_eq!(ask["ask"]["question"], wanted_gone(session.id));
    answer(&mut worker, &ask, Answer::Removed { branch_kept: false }).await;
    until("nothing to be left to do", async || (plans(&server) == 0).then_some(())).await;
    assert!(is_there(&server, live).await);
    server.stop().await;
}

#[tokio::test]
async fn a_worktree_with_new_work_stays_and_is_not_asked_about_again() {
    let server = support::start().await;
    let mut worker = Worker::connect(&server).await;
    let session = with_worktree(&server, &mut worker).await;
    let client = server.client();
    let (body, key) = (DeleteSession::default(), CommandKey::fresh());
    let play = async {
        may_go(&mut worker, &session).await;
        let ask = asked(&mut worker).await;
        answer(&mut worker, &ask, Answer::refused(Code::WorktreeDirty, "1 file not committed")).await;
    };
    let (removed, ()) = tokio::join!(client.delete_session(session.id, &body, &key), play);
    removed.unwrap();
    assert_eq!(plans(&server), 0, "it is its owner's from now on");
    server.stop().await;
}
