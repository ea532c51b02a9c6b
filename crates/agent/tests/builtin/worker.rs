//! The deterministic worker on real projects.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::common::{Person, new_session, prompt, with_agent};
use agent_client_protocol::v1::schema as v1;
use convene_agent::Ended;

const BAD: &str = "pub fn add(a: u32,b: u32) -> u32 { a+b }\n";
const GOOD: &str = "pub fn add(a: u32, b: u32) -> u32 {\n    a + b\n}\n";

fn cargo_project(dir: &Path, lib: &str) {
    fs::create_dir(dir.join("src")).unwrap();
    fs::write(
        dir.join("Cargo.toml"),
        "[package]\nname = \"fixture\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[workspace]\n",
    )
    .unwrap();
    fs::write(dir.join("src/lib.rs"), lib).unwrap();
}

fn node_project(dir: &Path, test: &str) {
    fs::write(dir.join("package.json"), r#"{"name": "fixture", "scripts": {"test": "node --test"}}"#).unwrap();
    fs::write(dir.join("sum.test.js"), test).unwrap();
}

#[tokio::test]
async fn the_formatters_fix_is_shown_asked_for_applied_and_checked() {
    let dir = tempfile::tempdir().unwrap();
    cargo_project(dir.path(), BAD);
    with_agent(None, Person::Chooses("apply"), false, async |connection, seen| {
        let session = new_session(&connection, dir.path()).await;
        let stop = prompt(&connection, &session, "check the formatting").await;
        assert_eq!(stop, v1::StopReason::EndTurn);

        assert_eq!(
            seen.tools(),
            [
                ("cargo fmt --all --check", "failed"),
                ("cargo fmt --all (on a copy)", "completed"),
                ("Apply the fix of `cargo fmt` to 1 file (+3 -1)", "completed"),
                ("cargo fmt --all --check", "completed"),
            ]
            .map(|(title, status)| (title.to_owned(), status.to_owned()))
        );
        let question = &seen.questions()[0];
        assert_eq!(question["options"][0]["optionId"], "apply");
        assert_eq!(question["options"][0]["kind"], "allow_once");
        assert_eq!(question["options"][1]["optionId"], "leave");
        let diff = &question["toolCall"]["content"][0];
        assert_eq!(diff["type"], "diff");
        assert_eq!(diff["oldText"], BAD);
        assert_eq!(diff["newText"], GOOD);
        assert_eq!(diff["path"], dir.path().join("src/lib.rs").to_str().unwrap());

        let first = &seen.of("tool_call_update")[0];
        assert_eq!(first["rawOutput"]["exit_code"], 1);
        let plan = seen.of("plan").pop().unwrap();
        assert_eq!(plan["entries"][0]["status"], "completed");
        assert!(seen.text().contains("1 of 1 checks passed after the fix"), "{}", seen.text());
        assert!(seen.text().contains("`src/lib.rs`"), "{}", seen.text());
        assert!(seen.text().contains("applied to 1 file, and the check passes now"), "{}", seen.text());
        assert_eq!(seen.of("session_info_update").len(), 1);
    })
    .await;
    assert_eq!(fs::read_to_string(dir.path().join("src/lib.rs")).unwrap(), GOOD);
}

#[tokio::test]
async fn a_client_that_writes_files_is_asked_to_write_them() {
    let dir = tempfile::tempdir().unwrap();
    cargo_project(dir.path(), BAD);
    with_agent(None, Person::Chooses("apply"), true, async |connection, seen| {
        let session = new_session(&connection, dir.path()).await;
        prompt(&connection, &session, "fmt").await;
        assert_eq!(seen.writes()[0]["content"], GOOD);
    })
    .await;
}

#[tokio::test]
async fn a_rejected_fix_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    cargo_project(dir.path(), BAD);
    with_agent(None, Person::Chooses("leave"), true, async |connection, seen| {
        let session = new_session(&connection, dir.path()).await;
        let stop = prompt(&connection, &session, "format").await;
        assert_eq!(stop, v1::StopReason::EndTurn);
        assert_eq!(seen.tools().last().unwrap().1, "failed");
        assert!(seen.text().contains("left alone"), "{}", seen.text());
        assert!(seen.writes().is_empty());
    })
    .await;
    assert_eq!(fs::read_to_string(dir.path().join("src/lib.rs")).unwrap(), BAD);
}

#[tokio::test]
async fn a_cancelled_question_ends_the_turn_cancelled() {
    let dir = tempfile::tempdir().unwrap();
    cargo_project(dir.path(), BAD);
    with_agent(None, Person::Cancels, true, async |connection, seen| {
        let session = new_session(&connection, dir.path()).await;
        let stop = prompt(&connection, &session, "format").await;
        assert_eq!(stop, v1::StopReason::Cancelled);
        assert_eq!(seen.tools().last().unwrap().1, "failed");
    })
    .await;
    assert_eq!(fs::read_to_string(dir.path().join("src/lib.rs")).unwrap(), BAD);
}

#[tokio::test]
async fn cancelling_withdraws_an_open_question() {
    let dir = tempfile::tempdir().unwrap();
    cargo_project(dir.path(), BAD);
    with_agent(None, Person::Silent, true, async |connection, seen| {
        let session = new_session(&connection, dir.path()).await;
        let running = prompt(&connection, &session, "format");
        let cancel = async {
            seen.wait("a question", |seen| !seen.questions().is_empty()).await;
            connection.send_notification(v1::CancelNotification::new(session.clone())).unwrap();
        };
        let (stop, ()) = tokio::join!(running, cancel);
        assert_eq!(stop, v1::StopReason::Cancelled);
    })
    .await;
}

#[tokio::test]
async fn a_failing_node_test_is_named_and_run_again() {
    let dir = tempfile::tempdir().unwrap();
    node_project(
        dir.path(),
        "const test = require('node:test');\nconst assert = require('node:assert');\n\
         test('adds', () => assert.strictEqual(1 + 1, 3));\ntest('fine', () => {});\n",
    );
    with_agent(None, Person::Cancels, false, async |connection, seen| {
        let session = new_session(&connection, dir.path()).await;
        let stop = prompt(&connection, &session, "Check this repository").await;
        assert_eq!(stop, v1::StopReason::EndTurn);
        assert_eq!(seen.tools(), [("npm test".to_owned(), "failed".to_owned())]);
        let text = seen.text();
        assert!(text.contains("`npm test` failed: exit code 1"), "{text}");
        assert!(text.contains("- `adds`"), "{text}");
        assert!(!text.contains("`fine`"), "{text}");
        assert!(text.contains("no `lint` script"), "{text}");

        prompt(&connection, &session, "again").await;
        assert_eq!(seen.tools().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn cancelling_ends_the_running_command_and_its_children() {
    let dir = tempfile::tempdir().unwrap();
    let pid_file = dir.path().join("pid");
    fs::write(
        dir.path().join("Makefile"),
        format!(
            "test:\n\t@sh -c 'trap \"\" TERM; sleep 600 & echo $$! > {}; echo started; wait'\n",
            pid_file.display()
        ),
    )
    .unwrap();
    with_agent(None, Person::Cancels, false, async |connection, seen| {
        let session = new_session(&connection, dir.path()).await;
        let running = prompt(&connection, &session, "test");
        let cancel = async {
            seen.wait("output of the running command", |seen| {
                seen.of("tool_call_update").iter().any(|u| u["content"][0]["content"]["text"] == "started")
            })
            .await;
            connection.send_notification(v1::CancelNotification::new(session.clone())).unwrap();
            Instant::now()
        };
        let (stop, asked) = tokio::join!(running, cancel);
        assert_eq!(stop, v1::StopReason::Cancelled);
        assert!(asked.elapsed() < Duration::from_secs(5));
        assert_eq!(seen.tools(), [("make test".to_owned(), "failed".to_owned())]);
        // A second turn works, and two at once do not.
        let busy = async {
            seen.wait("the second run", |seen| seen.of("tool_call").len() == 2).await;
            let error = crate::common::try_prompt(&connection, &session, "test").await.unwrap_err();
            connection.send_notification(v1::CancelNotification::new(session.clone())).unwrap();
            error.data.unwrap()
        };
        let (stop, data) = tokio::join!(prompt(&connection, &session, "test"), busy);
        assert_eq!(stop, v1::StopReason::Cancelled);
        assert_eq!(data["problem"], "a turn is already running in this session");
    })
    .await;
    assert_gone(&pid_file).await;
}

#[tokio::test]
async fn a_client_that_leaves_takes_the_running_command_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let pid_file = dir.path().join("pid");
    fs::write(
        dir.path().join("Makefile"),
        format!("test:\n\t@sh -c 'sleep 600 & echo $$! > {}; echo started; wait'\n", pid_file.display()),
    )
    .unwrap();
    let ended = with_agent(None, Person::Cancels, false, async |connection, seen| {
        let session = new_session(&connection, dir.path()).await;
        let block = v1::ContentBlock::Text(v1::TextContent::new("test"));
        let request = v1::PromptRequest::new(session, vec![block]);
        let running = connection.send_request(request);
        seen.wait("output of the running command", |seen| {
            seen.of("tool_call_update").iter().any(|u| u["content"][0]["content"]["text"] == "started")
        })
        .await;
        running.detach();
    })
    .await;
    assert_eq!(ended, Ended::ClientLeft);
    assert_gone(&pid_file).await;
}

/// Waits until the process is dead; a zombie that nobody has collected yet is dead too.
async fn assert_gone(pid_file: &Path) {
    let pid = fs::read_to_string(pid_file).unwrap();
    let stat = format!("/proc/{}/stat", pid.trim());
    let deadline = Instant::now() + Duration::from_secs(10);
    while fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
        assert!(Instant::now() < deadline, "process {pid} is still alive");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn directories_without_a_project_get_a_sensible_answer() {
    let dir = tempfile::tempdir().unwrap();
    with_agent(None, Person::Cancels, false, async |connection, seen| {
        let session = new_session(&connection, dir.path()).await;
        assert_eq!(prompt(&connection, &session, "check").await, v1::StopReason::EndTurn);
        assert!(seen.text().contains("is empty. I looked for Cargo.toml"), "{}", seen.text());
        fs::write(dir.path().join("notes.txt"), "x").unwrap();
        prompt(&connection, &session, "check").await;
        assert!(seen.text().contains("holds no project that I know"), "{}", seen.text());
        prompt(&connection, &session, "help").await;
        assert!(seen.text().contains("I am the builtin agent"), "{}", seen.text());
    })
    .await;
}

#[tokio::test]
async fn a_missing_tool_is_told() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("package.json"), r#"{"scripts": {"test": "x"}}"#).unwrap();
    fs::write(dir.path().join("bun.lock"), "").unwrap();
    with_agent(None, Person::Cancels, false, async |connection, seen| {
        let session = new_session(&connection, dir.path()).await;
        assert_eq!(prompt(&connection, &session, "test").await, v1::StopReason::EndTurn);
        assert!(seen.text().contains("`bun test` was not run: it is not installed"), "{}", seen.text());
    })
    .await;
}

#[tokio::test]
async fn a_broken_python_file_is_found_and_nothing_is_left_behind() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("tool.py"), "def broken(:\n").unwrap();
    with_agent(None, Person::Cancels, false, async |connection, seen| {
        let session = new_session(&connection, dir.path()).await;
        prompt(&connection, &session, "lint").await;
        assert!(seen.text().contains("0 of 1 checks passed"), "{}", seen.text());
        assert!(seen.text().contains("tool.py"), "{}", seen.text());
    })
    .await;
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn bad_requests_are_answered_and_resume_takes_any_session() {
    let dir = tempfile::tempdir().unwrap();
    with_agent(None, Person::Cancels, false, async |connection, seen| {
        let missing = v1::NewSessionRequest::new("/no/such/place");
        let error = connection.send_request(missing).block_task().await.unwrap_err();
        assert_eq!(error.data.unwrap()["problem"], "is not a directory");
        let relative = v1::NewSessionRequest::new("here");
        let error = connection.send_request(relative).block_task().await.unwrap_err();
        assert_eq!(error.data.unwrap()["problem"], "is not absolute");

        let old = v1::SessionId::new("of-an-earlier-process");
        let error = crate::common::try_prompt(&connection, &old, "check").await.unwrap_err();
        assert_eq!(i32::from(error.code), -32002);
        let resume = v1::ResumeSessionRequest::new(old.clone(), dir.path());
        connection.send_request(resume).block_task().await.unwrap();
        assert_eq!(prompt(&connection, &old, "check").await, v1::StopReason::EndTurn);
        connection.send_request(v1::CloseSessionRequest::new(old.clone())).block_task().await.unwrap();
        assert!(crate::common::try_prompt(&connection, &old, "check").await.is_err());
        assert_eq!(seen.of("available_commands_update").len(), 1);
    })
    .await;
}
