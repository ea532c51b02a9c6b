use super::table::parse_stat;
use super::*;

#[test]
fn stat_line_is_read_behind_the_name() {
    let line = "42 (a) b (c) Z 7 42 40 0 -1 4227148 0 0 0 0 0 0 0 0 20 0 1 0 141993 0 0";
    let process = parse_stat(42, line).expect("a valid line");
    assert_eq!((process.parent, process.group, process.start_time, process.over), (7, 42, 141_993, true));
}

#[test]
fn zombie_leader_with_threads_is_not_over() {
    let line = "42 (a) Z 7 42 40 0 -1 4227148 0 0 0 0 0 0 0 0 20 0 3 0 141993 0 0";
    assert!(!parse_stat(42, line).expect("a valid line").over);
}

#[test]
fn damaged_stat_line_is_no_process() {
    for line in ["", "42", "42 (a)", "42 (a) S 1", "42 (a) S x 42 40"] {
        assert_eq!(parse_stat(42, line), None, "{line:?}");
    }
}

#[test]
fn reused_pid_is_another_process() {
    let me = Identity::current().expect("own identity");
    assert!(me.is_alive());
    let later = Identity { start_time: me.start_time + 1, ..me.clone() };
    let other_boot = Identity { boot_id: "another".to_owned(), ..me };
    for stranger in [later, other_boot] {
        assert!(!stranger.is_alive());
        assert!(stranger.pidfd().expect("ask").is_none());
        assert!(!stranger.signal(Signal::KILL).expect("nothing to send it to"), "this test would be dead");
        assert!(stranger.wait_for_end(Duration::from_secs(5)).expect("wait"));
        assert_eq!(stranger.reap(), None);
    }
}

#[test]
fn identity_is_the_same_after_a_round_trip() {
    let me = Identity::current().expect("own identity");
    let text = serde_json::to_string(&me).expect("plain data");
    assert_eq!(serde_json::from_str::<Identity>(&text).expect("its own text"), me);
    assert_eq!(serde_json::to_string(&Exit::Signal(9)).expect("plain data"), r#"{"signal":9}"#);
}
