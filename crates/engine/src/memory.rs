//! A map that holds all that is at work, and of what is at rest the newest only: the rest is in the store.

use std::collections::BTreeMap;

#[derive(Debug)]
pub(crate) struct Memory<K, V> {
    /// In the order of the keys, so that whoever walks through it does the same every time.
    by_key: BTreeMap<K, Held<V>>,
    /// What is at rest, by when it was put there.
    rest: BTreeMap<u64, K>,
    stamp: u64,
    /// So many at rest are kept.
    keep: usize,
    evicted: u64,
}

#[derive(Debug)]
struct Held<V> {
    value: V,
    rest: Option<u64>,
}

impl<K: Copy + Ord, V> Memory<K, V> {
    pub(crate) fn new(keep: usize) -> Self {
        Self { by_key: BTreeMap::new(), rest: BTreeMap::new(), stamp: 0, keep, evicted: 0 }
    }

    pub(crate) fn get(&self, key: K) -> Option<&V> {
        self.by_key.get(&key).map(|held| &held.value)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.by_key.values().map(|held| &held.value)
    }

    /// How many are at work.
    pub(crate) fn at_work(&self) -> usize {
        self.by_key.len() - self.rest.len()
    }

    /// Puts what is newest; returns what was there.
    pub(crate) fn put(&mut self, key: K, value: V, at_rest: bool) -> Option<V> {
        self.stamp += 1;
        let rest = at_rest.then_some(self.stamp);
        let old = self.by_key.insert(key, Held { value, rest });
        if let Some(stamp) = old.as_ref().and_then(|held| held.rest) {
            self.rest.remove(&stamp);
        }
        if at_rest {
            self.rest.insert(self.stamp, key);
        }
        while self.rest.len() > self.keep {
            let Some((_, oldest)) = self.rest.pop_first() else { break };
            self.by_key.remove(&oldest);
            self.evicted += 1;
        }
        old.map(|held| held.value)
    }

    /// How many have been let go so far. Take this before a read of the store, for [`Memory::fill`].
    pub(crate) const fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Puts what was read from the store, unless something newer may have come and gone meanwhile.
    pub(crate) fn fill(&mut self, key: K, value: V, at_rest: bool, evicted_before: u64) {
        if self.evicted == evicted_before && !self.by_key.contains_key(&key) {
            self.put(key, value, at_rest);
        }
    }
}

#[cfg(test)]
#[path = "memory_tests.rs"]
mod tests;
