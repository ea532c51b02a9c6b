use std::collections::HashSet;

use super::*;

#[test]
fn marks_differ_by_session_and_attempt() {
    let sessions = ["ses_1", "ses_2", "ses_11", ""];
    let marks: HashSet<Marker> =
        sessions.iter().flat_map(|session| (0..1000).map(|attempt| Marker::of(session, attempt))).collect();
    assert_eq!(marks.len(), sessions.len() * 1000);
}

#[test]
fn mark_is_known_by_its_value() {
    let mark = Marker::of("ses_0193", 3);
    assert_eq!(Marker::from_limit(mark.0), Some(mark));
    for limit in [0, 200_000, (1 << 62) - 1, 1 << 63, u64::MAX, (1 << 62) + (1 << 56)] {
        assert_eq!(Marker::from_limit(limit), None, "{limit}");
    }
    assert!(mark.0 >= 1 << 62, "as good as unlimited");
}

#[test]
fn mark_stays_what_it_is() {
    // Processes marked by an earlier version must be found by a later one.
    assert_eq!(format!("{:x}", Marker::of("ses_0193", 1).0), "401e479689b82539");
}

#[test]
fn foreign_process_has_no_mark() {
    assert_eq!(marker_of(1), None);
    assert!(!is_marked(i32::MAX));
}
