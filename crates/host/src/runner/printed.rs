//! What commands print, where an agent tells it in pieces beside the call's content: put together, it is the call's
//! output.

use std::collections::BTreeMap;

use convene_core::content::{ToolCall, ToolContent};
use serde_json::Value;

use crate::quirks;

/// So much of the beginning and of the end of an output is kept, in bytes.
const KEPT: usize = 64 << 10;
/// So many calls are put together at the same time; agents run a handful of commands at once.
const CALLS: usize = 64;

/// What the open calls have printed so far.
#[derive(Debug, Default)]
pub(super) struct Printed {
    calls: BTreeMap<String, Output>,
}

#[derive(Debug, Default)]
struct Output {
    head: String,
    tail: String,
    left_out: usize,
}

impl Printed {
    /// Takes in a piece, and gives a call that is over its whole output if it brings none: that of its pieces, or of the
    /// terminals that it names.
    pub(super) fn take(&mut self, call: &mut ToolCall, of_terminal: impl Fn(&str) -> Option<String>) {
        if let Some(piece) = piece(call) {
            if !self.calls.contains_key(&call.id) && self.calls.len() >= CALLS {
                return;
            }
            self.calls.entry(call.id.clone()).or_default().push(piece);
        }
        if !call.status.is_some_and(|status| status.is_final()) {
            return;
        }
        let output = self.calls.remove(&call.id).map(Output::whole);
        let has_text = |content: &ToolContent| match content {
            ToolContent::Content { content } => content.as_text().is_some_and(|text| !text.trim().is_empty()),
            ToolContent::Diff { .. } | ToolContent::Terminal { .. } => false,
        };
        if call.content.iter().flatten().any(has_text) || !call.raw_text().trim().is_empty() {
            return;
        }
        let terminals = || {
            let names = call.content.iter().flatten().filter_map(|content| match content {
                ToolContent::Terminal { terminal_id } => Some(terminal_id),
                ToolContent::Content { .. } | ToolContent::Diff { .. } => None,
            });
            names.filter_map(|name| of_terminal(name)).filter(|text| !text.trim().is_empty()).reduce(|a, b| a + &b)
        };
        let Some(text) = output.or_else(terminals).map(Value::String) else { return };
        match &mut call.raw_output {
            // The exit code and its like stay.
            Some(Value::Object(fields)) => drop(fields.insert("formatted_output".to_owned(), text)),
            other => *other = Some(text),
        }
    }

    /// A turn is over, and so is what was open in it.
    pub(super) fn clear(&mut self) {
        self.calls.clear();
    }
}

impl Output {
    fn push(&mut self, piece: &str) {
        let room = KEPT.saturating_sub(self.head.len());
        let end = if self.tail.is_empty() { piece.floor_char_boundary(room) } else { 0 };
        let (head, rest) = piece.split_at(end);
        self.head.push_str(head);
        self.tail.push_str(rest);
        // Twice as much, so that not every piece moves all of it.
        if self.tail.len() > 2 * KEPT {
            let from = self.tail.ceil_char_boundary(self.tail.len() - KEPT);
            self.left_out += from;
            self.tail.drain(..from);
        }
    }

    fn whole(self) -> String {
        if self.left_out == 0 {
            return self.head + &self.tail;
        }
        format!("{}\n... {} bytes left out ...\n{}", self.head, self.left_out, self.tail)
    }
}

/// The piece of output that an update brings.
fn piece(call: &ToolCall) -> Option<&str> {
    let meta = call.meta.as_ref()?;
    let data = quirks::OUTPUT_PIECES.iter().find_map(|name| meta.get(*name)?.get("data"))?;
    data.as_str().filter(|data| !data.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn call(value: Value) -> ToolCall {
        serde_json::from_value(value).expect("a call")
    }

    fn piece_of(id: &str, data: &str) -> ToolCall {
        call(json!({ "id": id, "meta": { "terminal_output_delta": { "terminal_id": id, "data": data } } }))
    }

    fn none(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn pieces_are_the_output_of_the_call_that_they_belong_to() {
        let mut printed = Printed::default();
        for (id, data) in [("a", "one\n"), ("b", "other\n"), ("a", "two\n")] {
            printed.take(&mut piece_of(id, data), none);
        }
        let mut over = call(json!({ "id": "a", "status": "completed", "raw_output": { "exit_code": 0 } }));
        printed.take(&mut over, none);
        assert_eq!(over.raw_text(), "one\ntwo\n");
        assert_eq!(over.raw_output.expect("an output")["exit_code"], 0);
        let mut own = call(json!({ "id": "b", "status": "failed", "raw_output": "its own" }));
        printed.take(&mut own, none);
        assert_eq!(own.raw_text(), "its own");
        let mut unknown = call(json!({ "id": "c", "status": "completed" }));
        printed.take(&mut unknown, none);
        assert_eq!(unknown.raw_output, None);
        assert!(printed.calls.is_empty());
    }

    #[test]
    fn a_flood_keeps_its_beginning_and_its_end() {
        let mut printed = Printed::default();
        for n in 0..100_000 {
            printed.take(&mut piece_of("a", &format!("line {n} ä\n")), none);
        }
        let mut over = call(json!({ "id": "a", "status": "completed" }));
        printed.take(&mut over, none);
        let text = over.raw_text();
        assert!(text.starts_with("line 0 ä\n") && text.ends_with("line 99999 ä\n"), "ends are lost");
        assert!(text.contains(" bytes left out ...\n") && text.len() < 4 * KEPT, "{} bytes", text.len());
    }

    #[test]
    fn calls_that_never_end_are_forgotten_with_their_turn() {
        let mut printed = Printed::default();
        for n in 0..10 * CALLS {
            printed.take(&mut piece_of(&n.to_string(), "x"), none);
        }
        assert_eq!(printed.calls.len(), CALLS);
        printed.clear();
        assert!(printed.calls.is_empty());
    }

    #[test]
    fn what_a_terminal_printed_is_the_output_of_the_call_that_names_it() {
        let mut printed = Printed::default();
        let terminal = json!([{ "type": "terminal", "terminal_id": "term_1" }]);
        let mut over = call(json!({ "id": "a", "status": "completed", "content": terminal }));
        printed.take(&mut over, |name| (name == "term_1").then(|| "a.txt\n".to_owned()));
        assert_eq!(over.raw_text(), "a.txt\n");
        let mut gone = call(json!({ "id": "b", "status": "completed", "content": terminal }));
        printed.take(&mut gone, none);
        assert_eq!(gone.raw_output, None);
    }
}
