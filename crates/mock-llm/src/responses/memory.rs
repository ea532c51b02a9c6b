//! The replies that may be referred to by id.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;

/// So many replies are kept; the oldest go first. A test asks for the last one.
const KEPT: usize = 1000;

/// Replies by id. The lock is held for map operations only.
#[derive(Debug, Clone, Default)]
pub struct Memory(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    replies: HashMap<String, Reply>,
    ages: VecDeque<String>,
}

#[derive(Debug)]
struct Reply {
    /// The conversation up to and with this reply.
    items: Arc<Vec<Value>>,
    whole: Value,
}

impl Memory {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a reply together with the conversation that ends with it.
    pub fn keep(&self, id: &str, items: Vec<Value>, whole: Value) {
        let mut kept = self.lock();
        kept.replies.insert(id.to_owned(), Reply { items: Arc::new(items), whole });
        kept.ages.push_back(id.to_owned());
        if kept.ages.len() > KEPT
            && let Some(oldest) = kept.ages.pop_front()
        {
            kept.replies.remove(&oldest);
        }
    }

    /// The conversation that ends with this reply.
    pub fn conversation(&self, id: &str) -> Option<Arc<Vec<Value>>> {
        self.lock().replies.get(id).map(|reply| reply.items.clone())
    }

    /// The reply itself.
    pub fn reply(&self, id: &str) -> Option<Value> {
        self.lock().replies.get(id).map(|reply| reply.whole.clone())
    }

    /// Forgets a reply; false if it was not there.
    pub fn forget(&self, id: &str) -> bool {
        self.lock().replies.remove(id).is_some()
    }

    /// An item of any reply that is kept.
    pub fn item(&self, id: &str) -> Option<Value> {
        let kept = self.lock();
        kept.replies.values().find_map(|reply| reply.items.iter().find(|item| item["id"] == id).cloned())
    }

    /// Forgets everything.
    pub fn clear(&self) {
        *self.lock() = Kept::default();
    }
}
