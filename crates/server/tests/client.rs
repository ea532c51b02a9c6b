//! The typed client, each method against a real server.

mod support;

use convene_api::{
    body::{
        AnswerElicitation, CancelTurn, CreateSession, CreateThread, CreateToken, DecidePermission, DecisionInput,
        EditQueueEntry, ElicitationAction, PatchSession, PatchThread, PromptInput, PromptMode, PromptStatus,
        SendPrompt, StopSession,
    },
    client::{ClientError, CommandKey, EventsQuery, SessionsQuery, StreamItem},
    problem::Code,
};
use serde_json::json;
use support::{runner::Runner, until, worker::Worker};

fn key() -> CommandKey {
    CommandKey::fresh()
}

fn text(text: &str) -> PromptInput {
    PromptInput::Text(text.to_owned())
}

#[tokio::test]
async fn sessions_from_their_first_prompt_to_their_end() {
    let server = support::start().await;
    let client = server.client();
    let mut worker = Worker::connect(&server).await;
    let body = CreateSession { prompt: Some(text("hi")), ..CreateSession::default() };
    let created = client.create_session(&body, &key()).await.unwrap();
    let id = created.session.id;
    let start = worker.take_start().await;
    let mut runner = Runner::connect(&server, &start).await;
    runner.begin().await;
    let turn = runner.first_turn();
    runner.hand_over(turn).await;
    // Questions.
    let options =
        json!([{"id": "yes", "name": "Yes", "kind": "allow_once"}, {"id": "no", "name": "No", "kind": "reject_once"}]);
    let prm = "prm_00000000000000000000000000000001";
    let elc = "elc_00000000000000000000000000000001";
    runner
        .report(&[
            json!({"type": "permission_requested", "turn": turn, "request": prm, "tool_call": {"id": "t"}, "options": options}),
            json!({"type": "elicitation_requested", "turn": turn, "request": elc, "message": "which?", "params": {}}),
        ])
        .await;
    let waiting = client.permissions(id).await.unwrap().items;
    assert_eq!(waiting.len(), 1);
    let decision = DecidePermission { decision: Some(DecisionInput::AllowOnce), ..DecidePermission::default() };
    let decided = client.decide(id, waiting[0].request, &decision, &key()).await.unwrap();
    assert_eq!(decided.option.unwrap().id, "yes");
    let late = client.decide(id, waiting[0].request, &decision, &key()).await.unwrap_err();
    assert_eq!(late.into_problem().code, Code::PermissionAlreadyDecided);
    let answer = AnswerElicitation { action: ElicitationAction::Decline, content: None };
    let session = client.answer(id, elc.parse().unwrap(), &answer, &key()).await.unwrap();
    assert!(session.pending_elicitations.is_empty());
    // The queue.
    let next = SendPrompt { content: text("next"), mode: PromptMode::Queue };
    let accepted = client.prompt(id, &next, &key()).await.unwrap();
    assert_eq!((accepted.status, accepted.position), (PromptStatus::Queued, Some(1)));
    let edit = EditQueueEntry { content: Some(text("other")), ..EditQueueEntry::default() };
    let queue = client.edit_queued(id, accepted.turn, &edit, &key()).await.unwrap().items;
    assert_eq!(queue[0].content[0].as_text(), Some("other"));
    assert_eq!(client.queue(id).await.unwrap().items, queue);
    client.drop_queued(id, accepted.turn, &key()).await.unwrap();
    assert!(client.queue(id).await.unwrap().items.is_empty());
    // Changes and orders.
    let patch = PatchSession { title: Some("renamed".to_owned()), ..PatchSession::default() };
    assert_eq!(client.patch_session(id, &patch, &key()).await.unwrap().title, "renamed");
    client.cancel(id, &CancelTurn::default(), &key()).await.unwrap();
    runner.report(&[json!({"type": "turn_ended", "turn": turn, "stop_reason": "cancelled"})]).await;
    // Reading.
    let query = EventsQuery { q: Some("RENAMED".to_owned()), ..EventsQuery::default() };
    let found = client.events(id, &query).await.unwrap().items;
    assert!(found.iter().any(|event| event.get().contains("session_updated")), "{found:?}");
    assert!(client.history(id).await.unwrap().turns.iter().any(|group| group.turn == Some(turn)));
    assert!(client.health(id).await.unwrap().runner_connected);
    let mut stream = client.follow(id, 0);
    let mut seen = 0;
    while !matches!(stream.next().await.unwrap(), StreamItem::CaughtUp) {
        seen += 1;
    }
    assert_eq!(stream.cursor(), client.session(&id.to_string()).await.unwrap().seq, "{seen} events");
    // The end.
    let early = client.archive(id, &key()).await.unwrap_err();
    assert_eq!(early.into_problem().code, Code::WrongState);
    assert_eq!(client.resume(id, &key()).await.unwrap().state, "idle", "it has its agent");
    let asleep = client.hibernate(id, &Default::default(), &key()).await.unwrap_err();
    assert_eq!(asleep.into_problem().code, Code::WrongState, "its agent announced nothing");
    let fork = client.fork(id, &Default::default(), &key()).await.unwrap().session;
    assert_eq!(fork.forked_from.map(|from| from.session), Some(id));
    client.stop(id, &StopSession::default(), &key()).await.unwrap();
    drop(runner);
    worker.ended(id, start.attempt).await;
    until("the stop", async || client.session(&id.to_string()).await.ok().filter(|s| s.state == "stopped")).await;
    assert!(client.archive(id, &key()).await.unwrap().archived);
    assert!(!client.unarchive(id, &key()).await.unwrap().archived);
    assert_eq!(client.clear(id, &key()).await.unwrap().agent_session_id, None);
    client.delete_session(id, &Default::default(), &key()).await.unwrap();
    let gone = client.session(&id.to_string()).await.unwrap_err();
    assert!(matches!(gone, ClientError::Problem(problem) if problem.code == Code::SessionNotFound));
    server.stop().await;
}

#[tokio::test]
async fn everything_else() {
    let server = support::start().await;
    let client = server.client();
    assert_eq!(client.ready().await.unwrap().epoch, server.info.epoch);
    assert_eq!(client.status().await.unwrap().status, "ok");
    assert_eq!(client.openapi().await.unwrap()["info"]["title"], "Convene");
    assert!(client.login_link(&key()).await.unwrap().path.starts_with("/#t="));
    assert!(client.config().await.is_ok());
    // Threads.
    let thread = CreateThread { prompt: Some(text("tidy up")), ..CreateThread::default() };
    let made = client.create_thread(&thread, &key()).await.unwrap();
    let id = made.thread.id;
    assert_eq!(client.thread(&id.to_string()).await.unwrap().sessions, [made.session.unwrap().id]);
    let next = SendPrompt { content: text("more"), mode: PromptMode::Queue };
    client.prompt_thread(id, &next, &key()).await.unwrap();
    let patch = PatchThread { topic: Some("order".to_owned()), ..PatchThread::default() };
    assert_eq!(client.patch_thread(id, &patch, &key()).await.unwrap().topic, "order");
    assert_eq!(client.threads(None).await.unwrap().items.len(), 1);
    assert_eq!(client.thread_pages().items().await.unwrap().len(), 1);
    client.delete_thread(id, &key()).await.unwrap();
    // Tokens.
    let token = CreateToken { name: "robot".to_owned(), ..CreateToken::default() };
    let token = client.create_token(&token, &key()).await.unwrap().token;
    let rotated = client.rotate_token(token.id, &Default::default(), &key()).await.unwrap();
    assert_eq!(rotated.token.generation, 1);
    assert_eq!(client.tokens().await.unwrap().items.len(), 1);
    client.revoke_token(token.id, &key()).await.unwrap();
    assert!(client.tokens().await.unwrap().items.is_empty());
    // Machines.
    assert!(client.workers().await.unwrap().items.is_empty());
    let agents = client.agents().await.unwrap().items;
    assert_eq!(client.agent(&agents[0].name).await.unwrap().name, agents[0].name);
    let nowhere = client.directories("nobody", "/").await.unwrap_err();
    assert_eq!(nowhere.into_problem().code, Code::WorkerUnknown);
    // Pages.
    for _ in 0..5 {
        client.create_session(&CreateSession::default(), &key()).await.unwrap();
    }
    let mut pages = client.session_pages(&SessionsQuery { limit: Some(2), ..SessionsQuery::default() });
    let mut sizes = Vec::new();
    while let Some(page) = pages.next().await.unwrap() {
        sizes.push(page.items.len());
    }
    assert_eq!(sizes, [2, 2, 1]);
    server.stop().await;
}
