use super::Memory;

#[test]
fn what_is_at_work_stays_and_of_the_rest_the_newest() {
    let mut memory = Memory::new(2);
    memory.put(1, "at work", false);
    for key in 2..=5 {
        memory.put(key, "at rest", true);
    }
    let mut held: Vec<_> = (1..=5).filter(|key| memory.get(*key).is_some()).collect();
    held.sort_unstable();
    assert_eq!(held, vec![1, 4, 5]);
    // At work again, it is not let go; at rest again, it is the newest.
    memory.put(4, "at work", false);
    memory.put(6, "at rest", true);
    memory.put(5, "at rest", true);
    memory.put(7, "at rest", true);
    assert!(memory.get(4).is_some() && memory.get(5).is_some() && memory.get(6).is_none());
}

#[test]
fn a_read_that_may_be_stale_is_not_kept() {
    let mut memory = Memory::new(1);
    let before = memory.evicted();
    memory.put(1, "new", true);
    memory.put(2, "other", true);
    memory.fill(1, "old", true, before);
    assert!(memory.get(1).is_none(), "the new one came and went while the old one was read");
    let before = memory.evicted();
    memory.fill(2, "old", true, before);
    assert_eq!(memory.get(2), Some(&"other"), "what is published is newer than what was read");
}
