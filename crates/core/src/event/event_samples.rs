//! One event of each type with all of its fields, for tests here and of what describes events to others.

use serde_json::{Value, json};

/// One of each type, with all of its fields.
pub fn samples() -> Vec<Value> {
    let spec = json!({"agent": "builtin", "cwd": "/repo", "permissions": "ask", "timeout": 0, "on_turn_end": "keep",
        "crash_policy": "ask"});
    let content = json!([{"type": "text", "text": "hi"}, {"type": "image", "data": "AA==", "mime_type": "image/png"}]);
    let failure = json!({"kind": "timeout", "code": "turn_timeout", "summary": "s", "hint": "h", "bundle": "/b"});
    let (permission, elicitation) = ("prm_0123456789abcdef0123456789abcdef", "elc_0123456789abcdef0123456789abcdef");
    vec![
        json!({"type": "session_created", "spec": spec, "thread": "thr_0123456789abcdef0123456789abcdef",
            "owner": "ada", "namespace": "default", "origin": "user", "title": "t", "labels": {"a": "b"}}),
        json!({"type": "session_updated", "changes": {"title": "t", "permissions": "all", "config": {"x": true}}}),
        json!({"type": "session_waiting", "reason": "no_seat", "detail": "d"}),
        json!({"type": "attempt_assigned", "worker": "local"}),
        json!({"type": "attempt_refused", "code": "cwd_missing", "detail": "d"}),
        json!({"type": "attempt_started", "instance": "ins_0123456789abcdef0123456789abcdef", "version": "1"}),
        json!({"type": "attempt_ended", "exit": {"by": "keeper", "verified": true, "survivors": 0}}),
        json!({"type": "workspace_ready", "workspace": {"cwd": "/w/sub", "root": "/w", "branch": "main",
            "base": "0123456789abcdef0123456789abcdef01234567", "worktree_of": "/repo"}}),
        json!({"type": "agent_launched", "pid": 1, "argv": ["a", "b"], "containment": "cgroup"}),
        json!({"type": "agent_initialized", "name": "a", "title": "A", "version": "1", "protocol_version": 1,
            "capabilities": {"x": [1, 2.5, null]}, "auth_methods": [{"id": "i", "name": "n", "kind": "agent"}]}),
        json!({"type": "agent_session_started", "agent_session_id": "x", "how": "resumed"}),
        json!({"type": "agent_auth_required", "methods": []}),
        json!({"type": "agent_sign_in_requested", "method": "m", "by": "ada"}),
        json!({"type": "agent_signed_in", "method": "m"}),
        json!({"type": "agent_sign_in_failed", "method": "m", "detail": "d"}),
        json!({"type": "agent_exited", "exit": {"code": 1}, "stderr": "s"}),
        json!({"type": "agent_diagnostic", "code": "c", "detail": "d"}),
        json!({"type": "attempt_failed", "failure": failure}),
        json!({"type": "config_updated", "options": [{"id": "m", "name": "M", "value": "x", "via": "set_mode"}]}),
        json!({"type": "config_requested", "option": "model", "value": "x"}),
        json!({"type": "config_rejected", "option": "model", "detail": "d"}),
        json!({"type": "agent_commands_updated", "commands": [{"name": "n", "description": "d"}]}),
        json!({"type": "turn_queued", "content": content, "source": "user", "front": true}),
        json!({"type": "queue_entry_edited", "content": content}),
        json!({"type": "queue_entry_moved", "position": 1}),
        json!({"type": "queue_entry_dropped", "by": "ada"}),
        json!({"type": "turn_started", "number": 1}),
        json!({"type": "turn_handed_over"}),
        json!({"type": "turn_requeued"}),
        json!({"type": "turn_cancel_requested", "by": "ada"}),
        json!({"type": "turn_ended", "stop_reason": "end_turn", "failure": failure, "usage": {"cost": 0.1}}),
        json!({"type": "message_appended", "message": "msg_0123456789abcdef0123456789abcdef", "role": "agent",
            "channel": "answer", "content": {"type": "text", "text": "\"é\"\n\u{0}"}}),
        json!({"type": "tool_call_updated", "tool_call": {"id": "c", "title": "t", "name": "n", "kind": "edit",
            "status": "completed", "content": [{"type": "diff", "path": "/p", "new_text": "n"}],
            "locations": [{"path": "/p", "line": 3}], "raw_input": {"a": 1}, "raw_output": "o", "meta": {"m": true}}}),
        json!({"type": "plan_updated", "entries": [{"content": "c", "priority": "high", "status": "pending"}]}),
        json!({"type": "usage_updated", "usage": {"input_tokens": 1, "cost": 0.25, "currency": "USD"}}),
        json!({"type": "permission_requested", "request": permission, "tool_call": {"id": "c"},
            "options": [{"id": "o", "name": "O", "kind": "allow_once"}]}),
        json!({"type": "permission_decided", "request": permission, "option_id": "o", "decision": "allow_once",
            "by": "ada", "message": "m"}),
        json!({"type": "elicitation_requested", "request": elicitation, "message": "m", "params": {"x": 1}}),
        json!({"type": "elicitation_answered", "request": elicitation, "action": "accept", "content": {}, "by": "a"}),
        json!({"type": "session_stopping", "cause": "timeout", "mode": "now", "message": "m", "by": "ada"}),
        json!({"type": "session_stopped", "cause": "failed", "detail": "d", "failure": failure, "verified": true}),
        json!({"type": "session_hibernated"}),
        json!({"type": "session_archived"}),
        json!({"type": "session_unarchived"}),
        json!({"type": "session_deleted", "by": "ada"}),
        json!({"type": "log_note", "code": "c", "detail": "d", "raw": {"x": 1}}),
    ]
}
