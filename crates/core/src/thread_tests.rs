use uuid::Uuid;

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn fold(events: &[ThreadEvent]) -> Option<ThreadState> {
    let id = ThreadId::new(Uuid::from_u128(1));
    let mut thread = None;
    for (n, event) in (1..).zip(events) {
        thread = Some(ThreadState::fold(thread, id, event, n, 10 * n, at(n.try_into().unwrap()))?);
    }
    thread
}

fn created() -> ThreadEvent {
    ThreadEvent::ThreadCreated {
        owner: "ada".to_owned(),
        namespace: "default".to_owned(),
        title: "Tests".to_owned(),
        topic: String::new(),
        labels: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
        own: false,
    }
}

#[test]
fn a_thread_folds() {
    let rename = ThreadChanges { title: Some("Linter".to_owned()), ..ThreadChanges::default() };
    let archive = ThreadChanges { archived: Some(true), labels: Some(BTreeMap::new()), ..ThreadChanges::default() };
    let events = [
        created(),
        ThreadEvent::ThreadUpdated { changes: rename },
        ThreadEvent::ThreadUpdated { changes: archive },
        ThreadEvent::ThreadDeleted { by: "ada".to_owned() },
    ];
    let first = fold(&events[..1]).unwrap();
    assert_eq!((first.title.as_str(), first.seq, first.pos, first.labels.len()), ("Tests", 1, 10, 1));
    let third = fold(&events[..3]).unwrap();
    assert_eq!((third.title.as_str(), third.archived, third.deleted, third.labels.len()), ("Linter", true, false, 0));
    assert_eq!((third.seq, third.pos, third.created_at, third.updated_at), (3, 30, at(1), at(3)));
    assert!(fold(&events).unwrap().deleted);
    for event in &events {
        let text = serde_json::to_string(event).unwrap();
        assert_eq!(&serde_json::from_str::<ThreadEvent>(&text).unwrap(), event);
    }
    let text = serde_json::to_string(&third).unwrap();
    assert_eq!(serde_json::from_str::<ThreadState>(&text).unwrap(), third);
}

#[test]
fn a_thread_begins_once_and_with_its_creation() {
    let update = ThreadEvent::ThreadUpdated { changes: ThreadChanges::default() };
    assert_eq!(fold(&[update]), None);
    assert_eq!(fold(&[ThreadEvent::ThreadDeleted { by: "ada".to_owned() }]), None);
    assert_eq!(fold(&[created(), created()]), None);
}
