use uuid::Uuid;

use super::*;

fn worker(name: &str, seats: u32, agents: &[&str]) -> WorkerStatus {
    let agents = agents
        .iter()
        .map(|a| DetectedAgent {
            name: a.trim_start_matches('-').to_owned(),
            installed: !a.starts_with('-'),
            ..DetectedAgent::default()
        })
        .collect();
    WorkerStatus { name: WorkerName::new(name), connected: true, seats, labels: BTreeMap::new(), agents }
}

fn candidate(n: u128, agent: &str, worker: Option<&str>) -> Candidate {
    let session = SessionId::new(Uuid::from_u128(n));
    Candidate { session, agent: agent.to_owned(), worker: worker.map(WorkerName::new) }
}

/// The planned placements in words: a worker's name, or why it waits.
fn words(candidates: &[Candidate], workers: &[WorkerStatus], taken: &[(&str, u32)]) -> Vec<String> {
    let taken = taken.iter().map(|(name, n)| (WorkerName::new(name), *n)).collect();
    let plan = plan(candidates, workers, &taken);
    assert_eq!(plan.iter().map(|p| p.0).collect::<Vec<_>>(), candidates.iter().map(|c| c.session).collect::<Vec<_>>());
    plan.into_iter()
        .map(|(_, placement)| match placement {
            Placement::Seat(worker) => worker.to_string(),
            Placement::Wait(why) => {
                assert!(!why.detail.is_empty());
                assert_eq!(why.reason == "no_seat", why.detail.contains("`convene stop ID`"), "it names the cure");
                why.reason
            }
        })
        .collect()
}

#[test]
fn a_session_waits_and_says_why() {
    let away = WorkerStatus { connected: false, ..worker("away", 9, &["a"]) };
    let full = worker("full", 1, &["a", "-b"]);
    let workers = [away.clone(), full.clone()];
    let one = |agent, worker| words(&[candidate(1, agent, worker)], &workers, &[("full", 1)]).remove(0);
    assert_eq!(one("a", None), "no_seat");
    assert_eq!(one("b", None), "agent_not_installed", "known, but not installed");
    assert_eq!(one("c", None), "agent_not_installed");
    assert_eq!(one("a", Some("away")), "worker_offline");
    assert_eq!(one("a", Some("never heard of")), "worker_offline");
    assert_eq!(words(&[candidate(1, "a", None)], &[], &[]), ["no_worker"]);
    assert_eq!(words(&[candidate(1, "a", None)], &[away], &[]), ["no_worker"]);
}

#[test]
fn the_one_with_the_most_free_seats_is_taken_and_the_first_by_name_of_those() {
    let workers = [worker("b", 2, &["a"]), worker("a", 2, &["a"]), worker("c", 3, &["x"])];
    let many: Vec<Candidate> = (0..5).map(|n| candidate(n, "a", None)).collect();
    assert_eq!(words(&many, &workers, &[]), ["a", "b", "a", "b", "no_seat"]);
    assert_eq!(words(&many[..2], &workers, &[("a", 1)]), ["b", "a"]);
    assert_eq!(words(&many[..1], &workers, &[("a", 7), ("b", 2)]), ["no_seat"], "more taken than there are");
}

#[test]
fn a_pinned_session_waits_for_its_worker_and_blocks_nobody() {
    let workers = [worker("a", 1, &["a"]), worker("b", 1, &["a"])];
    let three = [candidate(1, "a", Some("a")), candidate(2, "a", Some("a")), candidate(3, "a", None)];
    assert_eq!(words(&three, &workers, &[]), ["a", "no_seat", "b"]);
}
