//! The engine in the simulator: its sequencer on a store that fails by plan, and what dies with it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use convene_core::Timestamp;
use convene_engine::{
    Clock, Done, Env, Error, IdSource, Idempotency, Sequencer, Shared, Work, Workers,
    reconcile::{Awake, Windows},
};
use convene_store::{Reader, Store};
use uuid::Uuid;

use super::{
    mem_store::{MemDisk, MemStore},
    plant::{Plant, PlantedStore},
};
use crate::fault_store::{FaultStore, Faults};

/// Where a store is opened again and again.
pub trait Disk {
    /// The store on it.
    type Store: Store;
    /// Opens it.
    fn open(&self, now: Timestamp) -> Self::Store;
}

impl Disk for MemDisk {
    type Store = MemStore;

    fn open(&self, _now: Timestamp) -> MemStore {
        Self::open(self)
    }
}

pub(super) type ReaderOf<D> = <<D as Disk>::Store as Store>::Reader;

/// A clock that is set by the simulator.
#[derive(Debug, Clone)]
pub(super) struct SimClock(Arc<AtomicI64>);

impl SimClock {
    pub(super) fn new() -> Self {
        Self(Arc::new(AtomicI64::new(1_800_000_000_000)))
    }

    pub(super) fn advance_ms(&self, by: i64) {
        self.0.fetch_add(by, Ordering::Relaxed);
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::Relaxed)).unwrap_or_default()
    }
}

/// Ids that count.
#[derive(Debug, Default)]
pub(super) struct SimIds(AtomicU64);

impl IdSource for SimIds {
    fn uuid(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::Relaxed) + 1))
    }
}

pub(super) struct Server<D: Disk> {
    disk: D,
    pub(super) faults: Faults,
    pub(super) env: Env,
    pub(super) clock: SimClock,
    plant: Option<Plant>,
    up: Option<Up<D>>,
}

/// How often the loops run that tell whether the server was awake.
const PERIOD: Duration = Duration::from_secs(3);

/// What there is while it runs.
pub(super) struct Up<D: Disk> {
    sequencer: Sequencer<PlantedStore<FaultStore<D::Store>>>,
    pub(super) shared: Arc<Shared>,
    pub(super) reader: ReaderOf<D>,
    pub(super) workers: Workers,
    pub(super) plant: Option<Plant>,
    awake: Awake,
    windows: Windows,
}

impl<D: Disk> Server<D> {
    pub(super) fn new(disk: D, plant: Option<Plant>) -> Self {
        let clock = SimClock::new();
        let env = Env { clock: Arc::new(clock.clone()), ids: Arc::new(SimIds::default()) };
        Self { disk, faults: Faults::default(), env, clock, plant, up: None }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) const fn up(&self) -> Option<&Up<D>> {
        self.up.as_ref()
    }

    pub(super) fn crash(&mut self) {
        self.up = None;
    }

    pub(super) fn start(&mut self) -> Result<(), String> {
        let store = FaultStore::new(self.disk.open(self.now()), self.faults.clone());
        let store = PlantedStore::new(store, self.plant);
        let opened = Sequencer::open(store, self.env.clone());
        let (sequencer, quarantined) = opened.map_err(|error| format!("the engine does not start: {error:?}"))?;
        if !quarantined.is_empty() {
            return Err(format!("quarantined at start: {quarantined:?}"));
        }
        let (shared, reader) = (sequencer.shared(), sequencer.reader());
        let workers = Workers::default();
        let (awake, windows) = (Awake::new(self.now()), Windows::from(self.now()));
        self.up = Some(Up { sequencer, shared, reader, workers, plant: self.plant, awake, windows });
        self.look_at_clock();
        Ok(())
    }

    /// What the loops of a server do in each pass: they look whether they have slept.
    pub(super) fn look_at_clock(&mut self) {
        let now = self.now();
        let Some(up) = &mut self.up else { return };
        let windows = up.awake.windows(now, PERIOD);
        let never_away = Windows::from(Timestamp::UNIX_EPOCH);
        up.windows = if self.plant == Some(Plant::ExpiryAtStart) { never_away } else { windows };
    }

    pub(super) fn run_group(&mut self, mut items: Vec<(Work, Option<Idempotency>)>) -> Vec<Result<Done, Error>> {
        let Some(up) = &mut self.up else { return Vec::new() };
        if let Some(plant) = self.plant {
            items.iter_mut().for_each(|(work, _)| plant.tamper(&up.shared, work));
        }
        // Whether there is room again is looked at before each group, rather than once a second.
        up.sequencer.recover();
        up.sequencer.run_group(items)
    }
}

impl<D: Disk> Up<D> {
    /// From when on the time of others counts.
    pub(super) const fn windows(&self) -> Windows {
        self.windows
    }

    /// All sessions that are not deleted, as the store has them.
    pub(super) fn rows(&self) -> Result<Vec<convene_store::SessionRow>, String> {
        let filter = convene_store::SessionFilter { limit: usize::MAX, ..convene_store::SessionFilter::default() };
        self.reader.sessions(&filter).map_err(|error| format!("listing sessions: {error:?}"))
    }
}
