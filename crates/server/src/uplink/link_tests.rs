use std::time::Duration;

use tokio::time::Instant;

use super::Silence;

#[test]
fn a_silence_begins_with_a_question_and_ends_with_any_word() {
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    let mut silence = Silence::default();
    // Nobody asked: this side had a commit to wait for.
    assert_eq!(silence.lasts(at(60)), Duration::ZERO);
    silence.asked(at(60));
    silence.asked(at(62));
    assert_eq!(silence.lasts(at(64)), Duration::from_secs(4), "the first question counts");
    silence.broken();
    assert_eq!(silence.lasts(at(90)), Duration::ZERO);
    silence.asked(at(90));
    assert_eq!(silence.lasts(at(91)), Duration::from_secs(1));
}
