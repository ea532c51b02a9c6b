use super::*;

#[test]
fn what_is_made_is_read_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let keys = Keys::open(dir.path()).unwrap();
    let (session, id) = (SessionId::new(Uuid::from_u128(1)), TokenId::new(Uuid::from_u128(2)));
    let expires_at = Timestamp::from_second(1_000_000).unwrap();
    let made = [
        (keys.attempt_token(session, 3, 255), Presented::Attempt { session, attempt: 3, epoch: Some(255) }),
        (keys.worker_token(), Presented::Worker),
        (keys.browser_token(expires_at, 5), Presented::Browser { expires_at, nonce: 5 }),
        (keys.api_token(id, 0), Presented::Api { id, generation: 0 }),
        (keys.api_token(id, 7), Presented::Api { id, generation: 7 }),
    ];
    for (token, shown) in &made {
        assert_eq!(keys.read(token), Some(*shown), "{token}");
        // Another letter anywhere makes it worth nothing.
        for at in 0..token.len() {
            let mut letters: Vec<char> = token.chars().collect();
            letters[at] = if letters[at] == '0' { '1' } else { '0' };
            let other: String = letters.into_iter().collect();
            assert!(other == *token || keys.read(&other).is_none(), "{other}");
        }
    }
    assert_ne!(keys.api_token(id, 0), keys.api_token(id, 1));
    // Another server's secrets are none of ours.
    let elsewhere = tempfile::tempdir().unwrap();
    let other = Keys::open(elsewhere.path()).unwrap();
    assert!(made.iter().all(|(token, _)| other.read(token).is_none()));
    for text in ["", "_", "cvt", "cvt_", "cvt__", "cvo_", "a_b_c_d"] {
        assert_eq!(keys.read(text), None, "{text}");
    }
}
