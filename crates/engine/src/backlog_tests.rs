use convene_core::{
    command::Command,
    event::{EventData, KnownEvent},
    ids::{InstanceId, SessionId},
};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::{Backlog, EVENTS, ITEMS};
use crate::{engine::Item, work::Work};

fn item(command: Command) -> Item {
    let (answer, _) = oneshot::channel();
    Item {
        work: Work::Command { session: SessionId::new(Uuid::nil()), command },
        idempotency: None,
        answer,
        since: std::time::Instant::now(),
    }
}

fn report(first_index: u64, events: usize) -> Item {
    let note = KnownEvent::AgentDiagnostic { code: String::new(), detail: String::new() };
    let events = vec![EventData::new(note); events];
    item(Command::Report { attempt: 1, instance: InstanceId::new(Uuid::nil()), first_index, events })
}

fn names(group: &[Item]) -> Vec<&'static str> {
    let name = |item: &Item| match &item.work {
        Work::Command { command, .. } => command.name(),
        _ => "other",
    };
    group.iter().map(name).collect()
}

#[test]
fn a_command_overtakes_reports_and_reports_keep_their_order() {
    let mut backlog = Backlog::default();
    for n in 0..5 {
        backlog.push(report(n, EVENTS / 2));
    }
    backlog.push(item(Command::Archive));
    let group = backlog.next_group();
    assert_eq!(names(&group), vec!["archive", "report to", "report to"]);
    let first: Vec<u64> = [group, backlog.next_group()]
        .iter()
        .flatten()
        .filter_map(|item| match &item.work {
            Work::Command { command: Command::Report { first_index, .. }, .. } => Some(*first_index),
            _ => None,
        })
        .collect();
    assert_eq!(first, vec![0, 1, 2, 3]);
    assert_eq!(backlog.len(), 1);
}

#[test]
fn a_flood_of_commands_does_not_starve_reports() {
    let mut backlog = Backlog::default();
    for _ in 0..2 * ITEMS {
        backlog.push(item(Command::Archive));
    }
    backlog.push(report(0, 1));
    let group = backlog.next_group();
    assert_eq!(group.len(), ITEMS);
    assert_eq!(names(&group).last(), Some(&"report to"));
}
