//! What a runner does, as its server sees it.

use libtest_mimic::Trial;

use crate::fixture::{Attempt, TURN, turn, with_prompt};

/// Makes a trial of an async function of the same name.
macro_rules! trials {
    ($($name:ident),* $(,)?) => {
        pub fn trials() -> Vec<Trial> {
            vec![$(Trial::test(stringify!($name), || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on($name());
                Ok(())
            })),*]
        }
    };
}

trials!(streams_a_turn_from_prompt_to_end);

async fn streams_a_turn_from_prompt_to_end() {
    let attempt = Attempt::start(with_prompt("STREAM 50"));
    let ended = attempt.server.event("turn_ended").await;
    assert_eq!(ended["stop_reason"], "end_turn");
    assert_eq!(ended["turn"], turn(TURN).to_string());
    let expected: String = (1..=50).map(|n| format!("w{n} ")).collect();
    assert_eq!(attempt.server.answer(), expected);
    let tags: Vec<String> =
        attempt.server.events().iter().map(|e| e["type"].as_str().unwrap().to_owned()).take(3).collect();
    assert_eq!(tags, ["agent_launched", "agent_initialized", "agent_session_started"]);
    assert_eq!(attempt.receipts().len(), 1);
    attempt.finish().await;
}
