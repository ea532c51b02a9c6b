//! Where a session works.

use super::world::*;
use crate::{
    event::{EventBody, EventData, KnownEvent},
    view,
    workspace::{Workspace, WorktreeSpec},
};

fn found(cwd: &str) -> EventData {
    let workspace = Workspace {
        cwd: cwd.to_owned(),
        root: Some(cwd.to_owned()),
        branch: Some("convene/abcdef".to_owned()),
        base: Some("0".repeat(40)),
        worktree_of: Some("/repo".to_owned()),
    };
    EventData::new(KnownEvent::WorkspaceReady { workspace })
}

fn last_tag(w: &World) -> &str {
    w.log.last().unwrap().data.tag()
}

#[test]
fn a_session_with_a_worktree_moves_into_it_once() {
    let wish = crate::spec::SessionSpec { worktree: Some(WorktreeSpec::default()), ..spec() };
    let mut w = World::prompted(wish).with_turn();
    w.ok(w.report([found("/worktrees/repo-abcdef")]));
    assert_eq!(w.state.spec.cwd, "/worktrees/repo-abcdef");
    let seen = view::session(&w.state);
    assert_eq!((seen.cwd.as_str(), seen.branch.as_deref()), ("/worktrees/repo-abcdef", Some("convene/abcdef")));

    w.ok(w.report([found("/etc")]));
    assert_eq!((last_tag(&w), w.state.spec.cwd.as_str()), ("log_note", "/worktrees/repo-abcdef"));
}

#[test]
fn a_session_without_a_worktree_stays_where_it_was_told_to_be() {
    let mut w = World::prompted(spec()).with_turn();
    w.ok(w.report([found("/elsewhere")]));
    assert_eq!((last_tag(&w), w.state.spec.cwd.as_str()), ("log_note", "/repo"));
    w.ok(w.report([found("/repo")]));
    assert!(matches!(w.log.last().unwrap().data.body, EventBody::Known(KnownEvent::WorkspaceReady { .. })));
    assert_eq!(view::session(&w.state).branch.as_deref(), Some("convene/abcdef"));
}
