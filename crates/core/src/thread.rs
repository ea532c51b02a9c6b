//! Threads: a person's piece of work. They have a log of their own beside the sessions'.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::ThreadId;

/// A thread as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ThreadState {
    /// Its id.
    pub id: ThreadId,
    /// Who made it.
    pub owner: String,
    /// Whose it is.
    pub namespace: String,
    /// Its title.
    pub title: String,
    /// What it is about.
    pub topic: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Whether it is put away.
    pub archived: bool,
    /// Whether it was made for its first session, and goes with its last one.
    #[serde(default)]
    pub own: bool,
    /// Whether it is gone.
    pub deleted: bool,
    /// The last change's place in its own log.
    pub seq: u64,
    /// The last change's place in the store.
    pub pos: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// Facts about a thread.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ThreadEvent {
    /// It exists.
    ThreadCreated {
        /// Who made it.
        owner: String,
        /// Whose it is.
        namespace: String,
        /// Its title.
        title: String,
        /// What it is about.
        #[serde(default)]
        topic: String,
        /// Labels.
        #[serde(default)]
        labels: BTreeMap<String, String>,
        /// Whether it was made for its first session, and goes with its last one.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        own: bool,
    },
    /// Somebody changed it.
    ThreadUpdated {
        /// What changed.
        changes: ThreadChanges,
    },
    /// It is gone.
    ThreadDeleted {
        /// Who.
        by: String,
    },
}

/// What a change touches; absent fields stay.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ThreadChanges {
    /// The title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// The labels, all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,
    /// Whether it is put away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived: Option<bool>,
}

impl ThreadState {
    /// The thread after one more event; `None` for the first event that is no `thread_created`, or a later one.
    pub fn fold(
        before: Option<Self>,
        id: ThreadId,
        event: &ThreadEvent,
        seq: u64,
        pos: u64,
        at: Timestamp,
    ) -> Option<Self> {
        match (before, event) {
            (None, ThreadEvent::ThreadCreated { owner, namespace, title, topic, labels, own }) => Some(Self {
                id,
                owner: owner.clone(),
                namespace: namespace.clone(),
                title: title.clone(),
                topic: topic.clone(),
                labels: labels.clone(),
                archived: false,
                own: *own,
                deleted: false,
                seq,
                pos,
                created_at: at,
                updated_at: at,
            }),
            (Some(mut thread), ThreadEvent::ThreadUpdated { changes }) => {
                let changes = changes.clone();
                thread.title = changes.title.unwrap_or(thread.title);
                thread.topic = changes.topic.unwrap_or(thread.topic);
                thread.labels = changes.labels.unwrap_or(thread.labels);
                thread.archived = changes.archived.unwrap_or(thread.archived);
                Some(Self { seq, pos, updated_at: at, ..thread })
            }
            (Some(thread), ThreadEvent::ThreadDeleted { .. }) => {
                Some(Self { deleted: true, seq, pos, updated_at: at, ..thread })
            }
            (Some(_), ThreadEvent::ThreadCreated { .. })
            | (None, ThreadEvent::ThreadUpdated { .. } | ThreadEvent::ThreadDeleted { .. }) => None,
        }
    }
}

#[cfg(test)]
#[path = "thread_tests.rs"]
mod thread_tests;
