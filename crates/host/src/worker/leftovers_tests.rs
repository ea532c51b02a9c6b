use super::*;

fn id(n: u32) -> SessionId {
    format!("ses_{n:032x}").parse().unwrap()
}

#[test]
fn what_is_left_is_told_in_turns_and_goes_with_its_session() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("run");
    assert_eq!(sessions(&root, None), []);
    for (kept, name) in [
        ("tails", format!("{}-1.spool", id(1))),
        ("tails", format!("{}-2.spool", id(1))),
        ("logs/crash-bundles", format!("{}-process_exit-17.json", id(2))),
        ("tails", "notes.txt".to_owned()),
    ] {
        fs::create_dir_all(dir.path().join(kept)).unwrap();
        fs::write(dir.path().join(kept).join(name), "x").unwrap();
    }
    let attempt = root.join(id(3).to_string()).join("1");
    fs::create_dir_all(&attempt).unwrap();
    assert_eq!(sessions(&root, None), [id(1), id(2)]);
    assert_eq!(sessions(&root, Some(id(1))), [id(2), id(1)]);
    assert_eq!(sessions(&root, Some(id(9))), [id(1), id(2)]);

    let gone = BTreeSet::from([id(1), id(3)]);
    forget(&root, &gone, &BTreeSet::from([id(3)]));
    assert_eq!(sessions(&root, None), [id(2)]);
    assert!(attempt.exists(), "somebody watches it");
    forget(&root, &gone, &BTreeSet::new());
    assert!(!attempt.exists() && !root.join(id(3).to_string()).exists());
    assert!(dir.path().join("tails/notes.txt").exists(), "it is nobody's");
}

#[test]
fn so_many_are_told_at_a_time_and_all_of_them_in_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("run");
    fs::create_dir_all(dir.path().join("tails")).unwrap();
    let all: Vec<SessionId> = (0..450).map(id).collect();
    all.iter().for_each(|id| fs::write(dir.path().join(format!("tails/{id}-1.spool")), "").unwrap());
    let (mut told, mut after) = (BTreeSet::new(), None);
    for _ in 0..3 {
        let now = sessions(&root, after);
        assert_eq!(now.len(), TOLD);
        after = now.last().copied();
        told.extend(now);
    }
    assert_eq!(told.len(), all.len());
}
