use std::os::unix::fs::PermissionsExt as _;

use super::*;

/// One test, since a process has one hook.
#[test]
fn a_bug_is_put_down_without_what_was_worked_on() {
    let dir = tempfile::tempdir().unwrap();
    catch_panics(dir.path(), "test");
    let secret = "canary-of-a-payload";
    let caught_one = panic::catch_unwind(|| panic!("cannot cut {secret:?}"));
    assert!(caught_one.is_err());
    let incident = caught();
    let file = incident.file.unwrap();
    let text = fs::read_to_string(&file).unwrap();
    assert!(!text.contains("canary"), "{text}");
    let told: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(told["incident"], incident.id);
    assert_eq!(told["role"], "test");
    assert!(told["at"].as_str().unwrap().contains("incident_tests.rs"), "{text}");
    assert_eq!(told["said"], serde_json::Value::Null);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));

    // A text of the program's own is told.
    assert!(panic::catch_unwind(|| panic!("this cannot be")).is_err());
    let text = fs::read_to_string(caught().file.unwrap()).unwrap();
    assert!(text.contains("this cannot be"), "{text}");
    // Whoever comes twice finds nothing of it.
    assert!(caught().file.is_none());

    assert!(report("a request failed").file.is_some());
    for _ in 0..2 * FILES {
        let last = report("again and again");
        assert_eq!(last.id.len(), 32);
    }
    assert_eq!(fs::read_dir(dir.path().join("crashes")).unwrap().count(), FILES);
    drop(panic::take_hook());
}
