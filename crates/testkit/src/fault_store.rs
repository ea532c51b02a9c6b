//! A store whose commits fail when a test says so.
//!
//! A commit fails before anything is durable, or after all of it is: then the answer is lost, and whoever asked knows
//! as little as after a crash.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use convene_store::{Error, Group, OpenInfo, Store};

/// Where a commit fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The disk refuses: nothing of the group is there.
    Refused,
    /// The disk is full: nothing of the group is there.
    Full,
    /// The group is durable, and the writer hears of a failure.
    AnswerLost,
}

impl Fault {
    /// What the store says.
    fn as_error(self) -> Error {
        match self {
            Self::Full => Error::Full {
                path: PathBuf::from("convene.db"),
                source: io::Error::from(io::ErrorKind::StorageFull).into(),
            },
            Self::Refused | Self::AnswerLost => {
                Error::Failed { doing: "committing", source: io::Error::other("a fault of the test").into() }
            }
        }
    }
}

/// What is to fail. Cheap to clone; the test keeps one, the store has the other.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    plan: Arc<Mutex<Plan>>,
}

#[derive(Debug, Default)]
struct Plan {
    /// By the number of the commit, counted from 1.
    single: Vec<(u64, Fault)>,
    /// All commits until it is taken away.
    lasting: Option<Fault>,
    asked: u64,
    failed: u64,
    /// What failed, and was not to.
    unplanned: Option<String>,
}

impl Faults {
    /// Lets the commit with this number fail; the first that the store is asked for is 1.
    pub fn fail_nth(&self, number: u64, fault: Fault) {
        self.plan().single.push((number, fault));
    }

    /// Lets the next commit fail.
    pub fn fail_next(&self, fault: Fault) {
        let mut plan = self.plan();
        let next = plan.asked + 1;
        plan.single.push((next, fault));
    }

    /// Lets all commits fail until [`Faults::heal`].
    pub fn fail_all(&self, fault: Fault) {
        self.plan().lasting = Some(fault);
    }

    /// No longer do all commits fail; those that were to fail by their number still do.
    pub fn recover(&self) {
        self.plan().lasting = None;
    }

    /// From now on nothing fails.
    pub fn heal(&self) {
        let mut plan = self.plan();
        plan.single.clear();
        plan.lasting = None;
    }

    /// How many commits were asked for.
    pub fn asked(&self) -> u64 {
        self.plan().asked
    }

    /// How many of them failed by plan.
    pub fn failed(&self) -> u64 {
        self.plan().failed
    }

    /// The first failure that no test wanted: the store itself refused what it was given.
    pub fn unplanned(&self) -> Option<String> {
        self.plan().unplanned.clone()
    }

    /// What happens to the commit that is asked for now.
    fn next(&self) -> Option<Fault> {
        let mut plan = self.plan();
        plan.asked += 1;
        let number = plan.asked;
        let place = plan.single.iter().position(|(wanted, _)| *wanted == number);
        let fault = place.map(|place| plan.single.swap_remove(place).1).or(plan.lasting);
        plan.failed += u64::from(fault.is_some());
        fault
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A store that fails by plan, and else does what the one inside does.
#[derive(Debug)]
pub struct FaultStore<S> {
    inner: S,
    faults: Faults,
}

impl<S: Store> FaultStore<S> {
    /// Puts faults before a store.
    pub fn new(inner: S, faults: Faults) -> Self {
        Self { inner, faults }
    }

    /// The store inside.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S: Store> Store for FaultStore<S> {
    type Reader = S::Reader;

    fn reader(&self) -> S::Reader {
        self.inner.reader()
    }

    fn info(&self) -> OpenInfo {
        self.inner.info()
    }

    fn recover(&mut self) -> Result<(), Error> {
        match self.faults.plan().lasting {
            None => self.inner.recover(),
            Some(fault) => Err(fault.as_error()),
        }
    }

    fn commit(&mut self, group: &Group) -> Result<(), Error> {
        match self.faults.next() {
            None => self.inner.commit(group).inspect_err(|error| {
                self.faults.plan().unplanned.get_or_insert_with(|| format!("{error:?}"));
            }),
            Some(fault) => {
                if fault == Fault::AnswerLost {
                    self.inner.commit(group)?;
                }
                Err(fault.as_error())
            }
        }
    }
}

#[cfg(test)]
#[path = "fault_store_tests.rs"]
mod tests;
