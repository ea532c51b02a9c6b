//! Each code with the log that has it, and logs that were mangled at random.

use proptest::prelude::*;
use serde_json::json;

use super::*;

const TURN: &str = "trn_00000000000000000000000000000001";
const NEXT: &str = "trn_00000000000000000000000000000002";

/// A line as it is stored.
#[derive(Debug, Clone)]
struct Stored {
    seq: u64,
    kind: Option<String>,
    text: Option<String>,
}

fn stored(events: &[Value]) -> Vec<Stored> {
    (1..).zip(events).map(|(seq, event)| Stored { seq, kind: None, text: Some(event.to_string()) }).collect()
}

fn begins() -> Vec<Value> {
    vec![
        json!({"type": "turn_queued", "turn": TURN, "content": [{"type": "text", "text": "hi"}]}),
        json!({"type": "turn_started", "turn": TURN, "attempt": 3, "number": 1}),
        json!({"type": "turn_handed_over", "turn": TURN, "attempt": 3}),
    ]
}

fn tool(id: &str, status: &str) -> Value {
    json!({"type": "tool_call_updated", "turn": TURN, "attempt": 3,
        "tool_call": {"id": id, "title": format!("Do {id}"), "status": status}})
}

fn ends() -> Value {
    json!({"type": "turn_ended", "turn": TURN, "attempt": 3, "stop_reason": "end_turn"})
}

fn analysis(log: &[Stored]) -> Analysis {
    let mut analysis = Analysis::default();
    for line in log {
        analysis.take(Line { seq: line.seq, pos: None, kind: line.kind.as_deref(), text: line.text.as_deref() });
    }
    analysis
}

const CRASHED: Standing = Standing { at_rest: true, crashed: true, seq: None };

fn findings(log: &[Stored]) -> Findings {
    analysis(log).finish(CRASHED, false)
}

/// The log after the repair.
fn repaired(log: &[Stored], findings: &Findings) -> Vec<Stored> {
    let mut log = log.to_vec();
    let last = log.iter().map(|line| line.seq).max().unwrap_or(0);
    let done = EventData::new(KnownEvent::RepairCompleted {
        by: "ada".to_owned(),
        issues: findings.issues.clone(),
        actions: findings.actions.clone(),
    });
    let appended = findings.closings().into_iter().chain([done]);
    log.extend((last + 1..).zip(appended).map(|(seq, data)| Stored { seq, kind: None, text: Some(data.to_json()) }));
    log
}

fn codes(findings: &Findings) -> Vec<(IssueCode, Severity, Option<u64>)> {
    findings.issues.iter().map(|issue| (issue.code, issue.severity, issue.seq)).collect()
}

#[test]
fn a_log_that_ends_in_a_turn_is_closed_once() {
    let log =
        stored(&[begins(), vec![tool("b", "in_progress"), tool("a", "pending"), tool("c", "completed")]].concat());
    let found = findings(&log);
    assert_eq!(found.issues, []);
    let told: Vec<_> = found.actions.iter().map(|a| (a.code, a.tool_call.as_deref(), a.title.as_deref())).collect();
    assert_eq!(
        told,
        [
            (ActionCode::AppendInterruptedToolResult, Some("a"), Some("Do a")),
            (ActionCode::AppendInterruptedToolResult, Some("b"), Some("Do b")),
            (ActionCode::AppendTerminalError, None, None),
        ]
    );
    let closings: Vec<Value> = found.closings().iter().map(|data| serde_json::to_value(data).unwrap()).collect();
    assert!(closings.iter().all(|event| event["turn"] == TURN && event["attempt"] == 3), "{closings:?}");
    assert_eq!(closings[0]["tool_call"]["status"], "failed");
    assert_eq!(closings[0]["tool_call"]["meta"], json!({"repair": true}));
    assert_eq!((&closings[2]["type"], &closings[2]["stop_reason"]), (&json!("turn_ended"), &json!("interrupted")));
    let again = findings(&repaired(&log, &found));
    assert!(!again.is_needed() && again.actions.is_empty(), "{again:?}");
    assert_eq!(codes(&again), [(IssueCode::TerminalEventAlreadyExists, Severity::Info, None)]);
}

#[test]
fn events_that_are_missing_are_told_once_and_block_nothing() {
    let mut log = stored(&[begins(), vec![tool("a", "pending"), ends()]].concat());
    log.remove(3);
    let found = findings(&log);
    let issues = [
        (IssueCode::EventSequenceGap, Severity::Warning, Some(5)),
        (IssueCode::TerminalEventAlreadyExists, Severity::Info, None),
    ];
    assert_eq!(codes(&found), issues);
    assert!(found.is_needed() && found.actions.is_empty() && !found.is_blocked());
    assert_eq!(found.issues[0].detail, "event 4 is missing");
    assert!(!findings(&repaired(&log, &found)).is_needed(), "it is known now");
    // The end of the log is missing: its row knows better.
    let short = analysis(&log).finish(Standing { seq: Some(9), ..CRASHED }, false);
    assert_eq!(short.issues[1].detail, "events 6 to 9 are missing (4)");
}

#[test]
fn what_contradicts_itself_or_cannot_be_read_is_left_alone() {
    let log = || stored(&begins());
    let twice = [log(), vec![Stored { seq: 3, kind: None, text: Some(ends().to_string()) }]].concat();
    let mut swapped = log();
    swapped.swap(1, 2);
    let with = |line: Stored| [log(), vec![line]].concat();
    let garbage = with(Stored { seq: 4, kind: None, text: Some("{".to_owned()) });
    let unreadable = with(Stored { seq: 4, kind: None, text: None });
    let other =
        with(Stored { seq: 4, kind: Some("turn_ended".to_owned()), text: Some(tool("a", "pending").to_string()) });
    let fields =
        with(Stored { seq: 4, kind: None, text: Some(json!({"type": "turn_ended", "turn": TURN}).to_string()) });
    for (log, code, seq) in [
        (twice, IssueCode::EventSequenceDuplicate, 3),
        (swapped, IssueCode::EventSequenceRegression, 2),
        (garbage, IssueCode::InvalidEventJson, 4),
        (unreadable, IssueCode::InvalidEventJson, 4),
        (other, IssueCode::EventTypeMismatch, 4),
        (fields, IssueCode::EventTypeMismatch, 4),
    ] {
        for force in [false, true] {
            let found = analysis(&log).finish(CRASHED, force);
            assert!(codes(&found).contains(&(code, Severity::Error, Some(seq))), "{code:?}: {found:?}");
            assert!(found.is_blocked() && !found.is_needed() && found.actions.is_empty(), "{code:?}: {found:?}");
        }
    }
    // Two that the store took in another order than the log says.
    let mut analysis = Analysis::default();
    for (line, pos) in log().iter().zip([7, 9, 8]) {
        analysis.take(Line { seq: line.seq, pos: Some(pos), kind: None, text: line.text.as_deref() });
    }
    assert!(analysis.finish(CRASHED, false).has(IssueCode::EventSequenceRegression));
}

#[test]
fn a_type_of_a_newer_version_is_no_issue() {
    let log = stored(&[begins(), vec![json!({"type": "quantum_leaped", "turn": TURN}), ends()]].concat());
    assert_eq!(codes(&findings(&log)), [(IssueCode::TerminalEventAlreadyExists, Severity::Info, None)]);
}

#[test]
fn what_may_still_be_written_is_left_alone() {
    let log = stored(&begins());
    let live = Standing { at_rest: false, crashed: false, seq: None };
    let found = analysis(&log).finish(live, true);
    assert_eq!(codes(&found), [(IssueCode::SessionNotStopped, Severity::Error, None)]);
    assert!(found.actions.is_empty());
}

#[test]
fn a_log_without_a_turn_has_nothing_to_close() {
    let log = stored(&begins()[..1]);
    let found = findings(&log);
    assert_eq!(codes(&found), [(IssueCode::NoRepairableTurn, Severity::Info, None)]);
    assert!(!found.is_needed());
    let requeued = stored(&[begins(), vec![json!({"type": "turn_requeued", "turn": TURN})]].concat());
    assert!(findings(&requeued).has(IssueCode::NoRepairableTurn), "it waits again");
}

#[test]
fn an_end_that_was_no_crash_wants_force() {
    let log = stored(&begins());
    let stopped = Standing { at_rest: true, crashed: false, seq: None };
    let found = analysis(&log).finish(stopped, false);
    assert_eq!(codes(&found), [(IssueCode::StopReasonRequiresForce, Severity::Error, None)]);
    assert!(found.actions.is_empty());
    let forced = analysis(&log).finish(stopped, true);
    assert_eq!((codes(&forced), forced.actions.len()), (Vec::new(), 1));
    let whole = stored(&[begins(), vec![ends()]].concat());
    assert!(
        !analysis(&whole).finish(stopped, false).has(IssueCode::StopReasonRequiresForce),
        "there is nothing to force"
    );
}

#[test]
fn a_tool_call_without_an_id_cannot_be_closed() {
    let unnamed = json!({"type": "tool_call_updated", "turn": TURN, "tool_call": {"status": "pending"}});
    for nameless in [unnamed, tool("", "pending")] {
        let log = stored(&[begins(), vec![nameless, tool("a", "pending")]].concat());
        let found = findings(&log);
        assert_eq!(codes(&found), [(IssueCode::DanglingToolCallMissingId, Severity::Warning, Some(4))]);
        assert_eq!(found.actions.len(), 2, "the other one is closed, and the turn");
    }
}

#[test]
fn the_last_turn_is_the_one_that_began_last() {
    let queued = json!({"type": "turn_queued", "turn": NEXT, "content": []});
    let stops = json!({"type": "session_stopped", "cause": "failed", "verified": true});
    let found = findings(&stored(&[begins(), vec![queued, stops]].concat()));
    assert_eq!(found.actions.iter().map(|a| a.turn.to_string()).collect::<Vec<_>>(), [TURN]);
    assert_eq!(
        serde_json::to_value(&found.actions).unwrap(),
        json!([{"code": "append_terminal_error", "turn": TURN, "number": 1}])
    );
}

#[test]
fn a_broken_log_is_told_with_bounds() {
    let log: Vec<Stored> = (1..500).map(|seq| Stored { seq, kind: None, text: None }).collect();
    let found = findings(&log);
    assert_eq!((found.issues.len(), found.more), (TOLD, 499 - 50));
}

#[derive(Debug, Clone)]
enum Mangle {
    Drop(usize),
    Double(usize),
    Swap(usize, usize),
    Cut(usize),
    Flip(usize, usize, u8),
    Shorten(usize, usize),
    Unread(usize),
    Move(usize, u64),
}

fn mangle() -> impl Strategy<Value = Mangle> {
    let at = || 0..400_usize;
    prop_oneof![
        4 => at().prop_map(Mangle::Drop),
        1 => at().prop_map(Mangle::Double),
        1 => (at(), at()).prop_map(|(a, b)| Mangle::Swap(a, b)),
        8 => at().prop_map(Mangle::Cut),
        1 => (at(), 0..2000_usize, any::<u8>()).prop_map(|(a, b, c)| Mangle::Flip(a, b, c)),
        1 => (at(), 0..2000_usize).prop_map(|(a, b)| Mangle::Shorten(a, b)),
        1 => at().prop_map(Mangle::Unread),
        1 => (at(), any::<u64>()).prop_map(|(a, b)| Mangle::Move(a, b)),
    ]
}

impl Mangle {
    fn apply(&self, log: &mut Vec<Stored>) {
        let length = log.len().max(1);
        match *self {
            _ if log.is_empty() => {}
            Self::Drop(at) => drop(log.remove(at % length)),
            Self::Double(at) => log.push(log[at % length].clone()),
            Self::Swap(a, b) => log.swap(a % length, b % length),
            Self::Cut(at) => log.truncate(at % length),
            Self::Flip(at, byte, with) => {
                let text = &mut log[at % length].text;
                let mut bytes = text.take().unwrap_or_default().into_bytes();
                let place = byte % bytes.len().max(1);
                if let Some(byte) = bytes.get_mut(place) {
                    *byte ^= with;
                }
                *text = String::from_utf8(bytes).ok();
            }
            Self::Shorten(at, byte) => {
                let text = log[at % length].text.take().unwrap_or_default();
                let end = byte % text.len().max(1);
                log[at % length].text = text.get(..end).map(str::to_owned);
            }
            Self::Unread(at) => log[at % length].text = None,
            Self::Move(at, seq) => log[at % length].seq = seq >> 1,
        }
    }
}

fn golden() -> Vec<Stored> {
    let logs = [include_str!("../tests/golden/main-job.jsonl"), include_str!("../tests/golden/lifecycle.jsonl")];
    let lines = logs.iter().flat_map(|log| log.lines());
    (1..).zip(lines).map(|(seq, text)| Stored { seq, kind: None, text: Some(text.to_owned()) }).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn however_a_log_is_mangled_one_repair_is_enough(mangles in prop::collection::vec(mangle(), 0..6), force: bool) {
        let mut log = golden();
        mangles.iter().for_each(|mangle| mangle.apply(&mut log));
        let found = analysis(&log).finish(CRASHED, force);
        prop_assert!(!found.is_blocked() || found.closings().is_empty());
        if !found.is_needed() || log.iter().any(|line| line.seq > u64::MAX >> 2) {
            return Ok(());
        }
        let mended = repaired(&log, &found);
        prop_assert!(log.iter().zip(&mended).all(|(a, b)| (a.seq, &a.text) == (b.seq, &b.text)), "it only appends");
        let again = findings(&mended);
        prop_assert!(!again.is_needed() && !again.is_blocked(), "{:?}", again);
    }
}
