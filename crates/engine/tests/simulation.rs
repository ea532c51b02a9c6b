//! Stories of the whole engine, each told by one seed. `CONVENE_SIM_SEED=n` tells one again, on every store;
//! `CONVENE_SIM_SEEDS=n` tells so many in each test, for a night.

use std::{ops::Range, panic::AssertUnwindSafe, path::Path, time::Instant};

use convene_core::Timestamp;
use convene_store::sqlite::SqliteStore;
use convene_testkit::sim::{self, Disk, MemDisk, Story};

/// A database in a directory of its own, in memory where the system has such a place: the stories are about what the
/// store does, not about how fast the disk is.
struct SqliteDisk(tempfile::TempDir);

impl SqliteDisk {
    fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        Self(dir.expect("a directory"))
    }
}

impl Disk for SqliteDisk {
    type Store = SqliteStore;

    fn open(&self, now: Timestamp) -> SqliteStore {
        SqliteStore::open(self.0.path(), now, 1).expect("a store")
    }
}

/// Tells stories; returns all that happened in them.
fn tell<D: Disk>(seeds: Range<u64>, disk: impl Fn() -> D) -> Story {
    let number = |name| std::env::var(name).ok().and_then(|number| number.parse::<u64>().ok());
    let chosen = number("CONVENE_SIM_SEED");
    let seeds = match (chosen, number("CONVENE_SIM_SEEDS")) {
        (Some(seed), _) => seed..seed + 1,
        (None, Some(stories)) if seeds.end - seeds.start > 1 => 1000 * seeds.start..1000 * seeds.start + stories,
        (None, _) => seeds,
    };
    let count = seeds.end - seeds.start;
    let (mut all, begun) = (Story::default(), Instant::now());
    for seed in seeds {
        let told = std::panic::catch_unwind(AssertUnwindSafe(|| sim::run(seed, disk())));
        let story = match told {
            Ok(Ok(story)) => story,
            Ok(Err(why)) => panic!("CONVENE_SIM_SEED={seed}: {why}"),
            Err(panic) => {
                eprintln!("CONVENE_SIM_SEED={seed}: it panicked");
                std::panic::resume_unwind(panic);
            }
        };
        all += story;
    }
    let (steps, seconds) = (all.steps, begun.elapsed().as_secs_f64());
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    let rate = steps as f64 / seconds;
    println!("{all:?}\n{steps} steps in {seconds:.1} s, {rate:.0} a second");
    if chosen.is_none() && count > 10 {
        // Dull stories would prove nothing.
        assert!(all.sessions > 50 && all.prompts > 50 && all.crashes > 20, "{all:?}");
        assert!(all.failed_commits > 50 && all.refused > 50 && all.replayed > 20, "{all:?}");
        assert!(all.sleeps > 20 && all.decided > 20 && all.expired > 5, "{all:?}");
    }
    all
}

// Some tests rather than one, so that they are told side by side.

#[test]
fn stories_in_memory() {
    tell(0..50, MemDisk::default);
}

#[test]
fn more_stories_in_memory() {
    tell(50..100, MemDisk::default);
}

#[test]
fn further_stories_in_memory() {
    tell(100..150, MemDisk::default);
}

#[test]
fn yet_other_stories_in_memory() {
    tell(150..200, MemDisk::default);
}

#[test]
fn stories_on_sqlite() {
    tell(1000..1020, SqliteDisk::new);
}

#[test]
fn a_seed_tells_the_same_story_twice() {
    let (one, two) = (tell(7..8, MemDisk::default), tell(7..8, MemDisk::default));
    assert_eq!((one.events, one.prompts, one.refused), (two.events, two.prompts, two.refused));
}
