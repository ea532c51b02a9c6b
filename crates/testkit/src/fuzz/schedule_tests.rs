//! The schedule is that of its seed.

use super::*;

#[test]
fn the_same_seed_gives_the_same_schedule() {
    assert_eq!(rounds(7, 50, 4), rounds(7, 50, 4));
    assert_ne!(rounds(7, 50, 4), rounds(8, 50, 4));
}

#[test]
fn a_longer_schedule_begins_as_the_shorter_one() {
    assert_eq!(rounds(7, 50, 4)[..20], rounds(7, 20, 4)[..]);
}

#[test]
fn every_role_is_hit_in_every_way() {
    let rounds = rounds(1, 200, 6);
    assert_eq!(rounds.len(), 200);
    for role in ROLES {
        assert!(rounds.iter().any(|r| r.strike.victims.iter().any(|(hit, _)| *hit == role)), "{role:?} is spared");
    }
    assert!(rounds.iter().any(|r| r.strike.victims.len() > 2), "never several at once");
    let ways: std::collections::HashSet<_> = rounds.iter().map(|r| std::mem::discriminant(&r.strike.how)).collect();
    assert_eq!(ways.len(), 5, "not every way");
}
