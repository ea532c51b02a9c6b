//! What the server being away, slow or cut off does to an attempt: nothing.

use std::time::Duration;

use convene_core::directive::Order;
use convene_host::spool::Records;
use rustix::process::Signal;

use crate::{
    cases::{ended, trials_of},
    fixture::{Attempt, TURN, With, turn, with_prompt},
};

trials_of!(
    goes_on_while_the_server_is_away,
    sends_again_what_was_not_acknowledged,
    reads_a_flood_only_a_little_ahead_of_the_server,
    waits_for_a_server_that_comes_later,
    takes_directives_once,
    leaves_a_readable_tail_when_it_is_killed,
    stops_without_a_server_and_leaves_the_tail,
);

fn words(count: usize) -> String {
    (1..=count).map(|n| format!("w{n} ")).collect()
}

async fn goes_on_while_the_server_is_away() {
    let mut attempt = Attempt::start(with_prompt("STREAM 100000"));
    attempt.server.event("message_appended").await;
    attempt.server.down();

    // The turn ends without a server: what the agent streams is kept on disk.
    let spool = attempt.run_dir.spool_path();
    let end = std::time::Instant::now() + Duration::from_secs(60);
    loop {
        let tail: Vec<_> = Records::open(&spool).unwrap().map(Result::unwrap).collect();
        if tail.last().is_some_and(|record| record.text.contains("turn_ended")) {
            break;
        }
        assert!(std::time::Instant::now() < end, "the turn does not end while the server is away");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    attempt.server.up();
    ended(&attempt, TURN).await;
    assert_eq!(attempt.server.answer(), words(100_000));
    let peak = attempt.memory_peak();
    assert!(peak < 64, "{peak} MiB");
    attempt.finish().await;
}

async fn sends_again_what_was_not_acknowledged() {
    let attempt = Attempt::start(with_prompt("STREAM 3000 300"));
    attempt.server.state.lock().unwrap().cut_after = Some(5);
    ended(&attempt, TURN).await;
    assert_eq!(attempt.server.answer(), words(3000));
    let hellos = attempt.server.state.lock().unwrap().hellos;
    assert!(hellos > 2, "{hellos} links only");
    assert_eq!(attempt.receipts().len(), 1);
    attempt.server.state.lock().unwrap().cut_after = None;
    attempt.finish().await;
}

async fn reads_a_flood_only_a_little_ahead_of_the_server() {
    let attempt = Attempt::start(With { ack_delay: Duration::from_millis(50), ..with_prompt("MIX 100000000 0 8000") });
    let spool = attempt.run_dir.spool_path();
    let end = std::time::Instant::now() + Duration::from_secs(40);
    // The agent is held back when its pipe has long been full.
    let mut largest = 0;
    while attempt.server.events().len() < 300 {
        assert!(std::time::Instant::now() < end, "nothing comes any more");
        let bytes: usize = Records::open(&spool).unwrap().map(|record| record.unwrap().text.len()).sum();
        largest = largest.max(bytes);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Of what is acknowledged a part is still there.
    assert!(largest < 7 << 20, "{largest} bytes are ahead");
    attempt.server.order(Order::Cancel { turn: turn(TURN) });
    attempt.server.state.lock().unwrap().ack_delay = Duration::ZERO;
    assert_eq!(ended(&attempt, TURN).await["stop_reason"], "cancelled");
    attempt.finish().await;
}

async fn waits_for_a_server_that_comes_later() {
    let mut attempt = Attempt::start(with_prompt("hello"));
    attempt.server.down();
    let end = std::time::Instant::now() + Duration::from_secs(20);
    while attempt.run_dir.attempt_record().unwrap().unwrap().runner.is_none() {
        assert!(std::time::Instant::now() < end, "the runner does not begin without a server");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    attempt.server.up();
    ended(&attempt, TURN).await;
    attempt.finish().await;
}

async fn takes_directives_once() {
    let mut attempt = Attempt::start(with_prompt("PERM"));
    let asked = attempt.server.event("permission_requested").await;
    attempt.server.down();
    let request = asked["request"].as_str().unwrap().parse().unwrap();
    // Given while there is no link: it comes with the next welcome.
    attempt.server.order(Order::Decide { request, option_id: Some("allow_once".to_owned()) });
    attempt.server.up();
    ended(&attempt, TURN).await;
    attempt.server.down();
    attempt.server.up();
    attempt.prompt(2, "hello");
    ended(&attempt, 2).await;
    assert_eq!(attempt.receipts().len(), 2);
    assert_eq!(attempt.server.answer(), "chose allow_onceecho: hello");
    attempt.finish().await;
}

async fn leaves_a_readable_tail_when_it_is_killed() {
    let mut attempt = Attempt::start(with_prompt("SLOW"));
    attempt.server.event("message_appended").await;
    attempt.server.down();
    let committed = attempt.server.events().len() as u64;
    let spool = attempt.run_dir.spool_path();
    let end = std::time::Instant::now() + Duration::from_secs(20);
    while Records::open(&spool).unwrap().count() < 10 {
        assert!(std::time::Instant::now() < end, "nothing comes into the spool");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    attempt.runner().signal(Signal::KILL).unwrap();
    let exit = attempt.ended().await;
    assert!(exit.verified);
    let tail: Vec<_> = Records::open(&spool).unwrap().map(Result::unwrap).collect();
    assert!(tail[0].index <= committed, "{} after {committed}", tail[0].index);
    assert!(tail.windows(2).all(|pair| pair[1].index == pair[0].index + 1));
    assert_eq!(attempt.run_dir.handed_over().unwrap().unwrap().turn, turn(TURN).to_string());
}

async fn stops_without_a_server_and_leaves_the_tail() {
    let mut attempt = Attempt::start(with_prompt("SLOW"));
    attempt.server.event("message_appended").await;
    attempt.server.down();
    attempt.keeper.signal(Signal::TERM).unwrap();
    let exit = attempt.ended().await;
    assert!(exit.verified);
    let tail: Vec<_> = Records::open(&attempt.run_dir.spool_path()).unwrap().map(Result::unwrap).collect();
    assert!(tail.iter().any(|record| record.text.contains("agent_exited")), "{tail:?}");
}
