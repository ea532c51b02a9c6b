use super::*;

fn later(minutes: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH.saturating_add(SignedDuration::from_mins(minutes)).unwrap()
}

#[test]
fn a_link_opens_once_and_in_time() {
    let links = LoginLinks::default();
    let (token, expires_at) = links.make(later(0)).unwrap();
    assert_eq!(expires_at, later(10));
    assert_eq!(token.len(), 32);
    assert_eq!(links.take("", later(1)), LinkState::Unknown);
    assert_eq!(links.take(&token[..31], later(1)), LinkState::Unknown);
    assert_eq!(links.take(&token, later(9)), LinkState::Taken);
    assert_eq!(links.take(&token, later(9)), LinkState::Used);
    assert_eq!(links.take(&token, later(60)), LinkState::Used);

    let (late, _) = links.make(later(60)).unwrap();
    assert_ne!(late, token);
    assert_eq!(links.take(&late, later(70)), LinkState::Unknown);
    // Whoever was late may not come in by being patient either, and nothing is remembered for ever.
    assert_eq!(links.take(&late, later(65 + 24 * 60)), LinkState::Unknown);
    links.make(later(3 * 24 * 60)).unwrap();
    assert_eq!(links.links.lock().unwrap().len(), 1);
}
