use axum::http::Method;
use convene_core::ids::SessionId;

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_000_000 + second).unwrap()
}

fn line(actor: &str, action: &str, second: i64) -> Line {
    let kind = if actor.is_empty() { AuditKind::Nobody } else { AuditKind::Token };
    Line {
        at: at(second),
        actor: AuditActor {
            kind,
            owner: (!actor.is_empty()).then(|| actor.to_owned()),
            scope: None,
            id: None,
            name: None,
        },
        peer: AuditPeer { kind: AuditPeerKind::Loopback, pid: None, address: None },
        asked: (action.to_owned(), None),
        status: 200,
        code: None,
        command: None,
    }
}

fn places(audit: &Audit, wanted: &Wanted) -> (Vec<u64>, bool) {
    let (items, more) = audit.read(wanted).unwrap();
    (items.iter().map(|entry| entry.n).collect(), more)
}

fn wanted(limit: usize) -> Wanted {
    Wanted { limit, ..Wanted::default() }
}

#[test]
fn lines_are_read_back_page_by_page_and_over_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let audit = Audit::open(dir.path()).unwrap();
    for n in 0..5 {
        audit.put(line(if n % 2 == 0 { "alex" } else { "kim" }, "sessions.stop", n));
    }
    assert_eq!(places(&audit, &wanted(2)), (vec![4, 5], true));
    assert_eq!(places(&audit, &Wanted { before: Some(4), ..wanted(9) }), (vec![1, 2, 3], false));
    assert_eq!(places(&audit, &Wanted { after: Some(0), ..wanted(2) }), (vec![1, 2], true));
    assert_eq!(places(&audit, &Wanted { after: Some(4), ..wanted(2) }), (vec![5], false));
    assert_eq!(places(&audit, &Wanted { actor: Some("kim".to_owned()), ..wanted(9) }), (vec![2, 4], false));
    assert_eq!(places(&audit, &Wanted { actor: Some("token".to_owned()), ..wanted(9) }).0.len(), 5);
    assert_eq!(places(&audit, &Wanted { action: Some("sessions".to_owned()), ..wanted(9) }).0.len(), 5);
    assert_eq!(places(&audit, &Wanted { action: Some("session".to_owned()), ..wanted(9) }).0.len(), 0);
    drop(audit);

    // A power cut left half a line.
    let path = dir.path().join(NAME);
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"{\"n\":6,\"at").unwrap();
    let audit = Audit::open(dir.path()).unwrap();
    audit.put(line("alex", "threads.create", 9));
    assert_eq!(places(&audit, &Wanted { after: Some(4), ..wanted(9) }), (vec![5, 6], false));
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn files_are_turned_and_the_oldest_goes() {
    let dir = tempfile::tempdir().unwrap();
    let audit = Audit::open(dir.path()).unwrap();
    let full = |audit: &Audit| audit.open.lock().unwrap().size = FILE_MAX;
    for n in 0..12 {
        audit.put(line("alex", "sessions.stop", n));
        full(&audit);
    }
    assert_eq!(places(&audit, &wanted(99)).0, (5..=12).collect::<Vec<u64>>());
    assert_eq!(places(&audit, &Wanted { after: Some(6), ..wanted(2) }), (vec![7, 8], true));
    drop(audit);
    let audit = Audit::open(dir.path()).unwrap();
    audit.put(line("alex", "sessions.stop", 99));
    assert_eq!(places(&audit, &wanted(1)).0, [13]);
}

#[test]
fn a_flood_of_nobody_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let audit = Audit::open(dir.path()).unwrap();
    for _ in 0..NOBODY + 10 {
        audit.put(line("", "other.get", 20));
    }
    audit.put(line("alex", "sessions.stop", 20));
    let (items, _) = audit.read(&wanted(1000)).unwrap();
    assert_eq!(items.len(), NOBODY as usize + 1);
    assert_eq!(items.last().unwrap().left_out, 10);
    // In the next minute there is room again.
    audit.put(line("", "other.get", 80));
    assert_eq!(audit.read(&wanted(1)).unwrap().0[0].actor.kind, AuditKind::Nobody);
}

#[test]
fn outcomes_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let audit = Audit::open(dir.path()).unwrap();
    let cases = [
        (201, None, AuditOutcome::Done),
        (401, Some("auth_required"), AuditOutcome::Denied),
        (403, Some("origin_denied"), AuditOutcome::Denied),
        (429, Some("rate_limited"), AuditOutcome::Denied),
        (429, Some("session_limit"), AuditOutcome::Refused),
        (409, Some("wrong_state"), AuditOutcome::Refused),
        (500, Some("internal"), AuditOutcome::Refused),
    ];
    for (status, code, outcome) in cases {
        audit.put(Line { status, code, ..line("alex", "sessions.create", 1) });
        assert_eq!(audit.read(&wanted(1)).unwrap().0[0].outcome, outcome, "{status} {code:?}");
    }
}

#[test]
fn only_our_own_words_and_ids_are_put_down() {
    let session = SessionId::new(uuid::Uuid::from_u128(7)).to_string();
    let cases = [
        (Method::POST, "/v1/sessions".to_owned(), "sessions.create", None),
        (Method::PATCH, format!("/v1/sessions/{session}"), "sessions.update", Some(&session)),
        (Method::DELETE, format!("/v1/sessions/{session}"), "sessions.delete", Some(&session)),
        (Method::POST, format!("/v1/sessions/{session}/stop"), "sessions.stop", Some(&session)),
        (
            Method::POST,
            format!("/v1/sessions/{session}/permissions/prm_1"),
            "sessions.permissions.answer",
            Some(&session),
        ),
        (Method::DELETE, format!("/v1/sessions/{session}/queue/{session}"), "sessions.queue.delete", Some(&session)),
        (Method::POST, "/v1/sessions/my secret title/stop".to_owned(), "sessions.stop", None),
        (Method::GET, "/v1/sessions/ses_notanid/events".to_owned(), "sessions.events.read", None),
        (Method::POST, "/v1/login".to_owned(), "login", None),
        (Method::POST, "/v1/shutdown".to_owned(), "shutdown", None),
        (Method::POST, "/hunter2".to_owned(), "other.post", None),
        (Method::GET, "/v1/hunter2".to_owned(), "other.get", None),
        (Method::from_bytes(b"HUNTER2HUNTER2").unwrap(), "/v1/x".to_owned(), "other.request", None),
    ];
    for (method, path, action, object) in cases {
        assert_eq!(asked(&method, &path), (action.to_owned(), object.cloned()), "{method} {path}");
    }
}

#[test]
fn what_nothing_can_be_called_gets_the_nearest() {
    for known in ["tokens", "tokens.create", "sessions.permissions.answer", "uplink.worker.connect", "other.get"] {
        assert_eq!(unknown(known), None, "{known}");
    }
    let near = |action: &str| unknown(action).unwrap().1;
    assert_eq!(near("token").as_deref(), Some("tokens"));
    assert_eq!(near("tokens.creat").as_deref(), Some("tokens.create"));
    assert_eq!(near("sessions.permission.answer").as_deref(), Some("sessions.permissions"));
    assert_eq!(near("purple"), None);
    assert_eq!(near("sessions."), None);
}

#[test]
fn what_comes_again_and_again_is_put_down_once_a_minute() {
    let dir = tempfile::tempdir().unwrap();
    let audit = Audit::open(dir.path()).unwrap();
    for (actor, second) in [("ana", 21), ("ana", 22), ("ben", 23), ("ana", 85), ("ana", 90)] {
        audit.put_sometimes(line(actor, "uplink.worker.connect", second));
    }
    let (items, _) = audit.read(&wanted(10)).unwrap();
    let who: Vec<_> = items.iter().map(|entry| (entry.actor.owner.clone().unwrap(), entry.at)).collect();
    assert_eq!(who, [("ana".to_owned(), at(21)), ("ben".to_owned(), at(23)), ("ana".to_owned(), at(85))]);
}
