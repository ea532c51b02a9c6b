//! What agents announced about themselves, the last time that each one said it on each worker: in a test, or at the
//! beginning of an attempt.
//!
//! It is kept in a file of its own, `agents.json` in the data directory, and not read out of the logs: a test leaves no
//! log, a session may be removed, and finding the newest word of an agent would mean to fold every session at the start.
//! It is knowledge about the machine and not about any session; without the file, the next hello makes it anew.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use convene_api::body::AgentAnnounced;
use convene_core::{Timestamp, content::ConfigOption, failure::StopReason, session::SessionState};
use serde_json::Value;

/// The file in the data directory.
const FILE: &str = "agents.json";
/// The version of the protocol that attempts speak; an agent of another one announces nothing.
const PROTOCOL_VERSION: u32 = 1;

/// By agent, then by worker.
type Known = BTreeMap<String, BTreeMap<String, AgentAnnounced>>;

/// What agents announced.
#[derive(Debug)]
pub struct Announcements {
    file: PathBuf,
    known: Mutex<Known>,
}

/// What a session's agent said, as far as it was looked at: compared by place, so that looking costs nothing.
#[derive(Debug, Default)]
pub struct Seen {
    capabilities: Option<Arc<Value>>,
    config: Option<Arc<Vec<ConfigOption>>>,
    signed_in: Option<bool>,
}

impl Announcements {
    /// Reads the file. One that cannot be read is as good as none: agents say it all again.
    pub fn open(data_dir: &Path) -> Self {
        let file = data_dir.join(FILE);
        let known = match std::fs::read(&file) {
            Ok(text) => serde_json::from_slice(&text).unwrap_or_else(|error| {
                tracing::warn!(file = %file.display(), %error, "what agents announced is forgotten");
                Known::default()
            }),
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    tracing::warn!(file = %file.display(), %error, "what agents announced is forgotten");
                }
                Known::default()
            }
        };
        Self { file, known: Mutex::new(known) }
    }

    /// What an agent announced, the newest first.
    pub fn of(&self, agent: &str) -> Vec<AgentAnnounced> {
        let mut said: Vec<AgentAnnounced> =
            self.lock().get(agent).into_iter().flat_map(BTreeMap::values).cloned().collect();
        said.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| a.worker.cmp(&b.worker)));
        said
    }

    /// Keeps what an agent announced. `false` if it said the same before.
    pub async fn keep(self: &Arc<Self>, agent: &str, said: AgentAnnounced) -> bool {
        let agent = agent.to_owned();
        let this = Arc::clone(self);
        // It waits for the disk; a server that goes down does without.
        tokio::task::spawn_blocking(move || this.keep_now(agent, said)).await.unwrap_or(false)
    }

    fn keep_now(&self, agent: String, said: AgentAnnounced) -> bool {
        let mut known = self.lock();
        let of_agent = known.entry(agent).or_default();
        let mut said = said;
        if said.signed_in.is_none() {
            // A test without a prompt unlearns nothing.
            said.signed_in = of_agent.get(&said.worker).and_then(|before| before.signed_in.filter(|known| *known));
        }
        let before = of_agent.insert(said.worker.clone(), said.clone());
        if before.as_ref().is_some_and(|before| is_same(before, &said)) {
            return false;
        }
        // Under the lock, so that a later word is not overwritten by an earlier one.
        if let Err(error) = self.write(&known) {
            tracing::warn!(file = %self.file.display(), %error, "cannot keep what an agent announced");
        }
        true
    }

    fn write(&self, known: &Known) -> io::Result<()> {
        use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};

        let draft = self.file.with_extension("json.new");
        let mut file = std::fs::OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&draft)?;
        file.write_all(&serde_json::to_vec(known)?)?;
        std::fs::rename(&draft, &self.file)
    }

    /// What the agent of a session announced, if that is news.
    pub fn news(&self, state: &SessionState, seen: &mut Seen, at: Timestamp) -> Option<AgentAnnounced> {
        let facts = &state.agent;
        let worker = state.phase.attempt()?.worker.to_string();
        let capabilities = facts.capabilities.as_ref()?;
        let signed_in = signed_in(state);
        let is_known = seen.capabilities.as_ref().is_some_and(|known| Arc::ptr_eq(known, capabilities))
            && seen.config.as_ref().is_some_and(|known| Arc::ptr_eq(known, &facts.config))
            && seen.signed_in == signed_in;
        if is_known {
            return None;
        }
        *seen =
            Seen { capabilities: Some(Arc::clone(capabilities)), config: Some(Arc::clone(&facts.config)), signed_in };
        let before = self.lock().get(&state.spec.agent).and_then(|workers| workers.get(&worker)).cloned();
        Some(AgentAnnounced {
            name: facts.name.clone().unwrap_or_else(|| state.spec.agent.clone()),
            title: facts.title.clone(),
            version: facts.version.clone().filter(|version| !version.is_empty()),
            protocol_version: PROTOCOL_VERSION,
            capabilities: capabilities.as_ref().clone(),
            auth_methods: facts.auth_methods.as_ref().clone(),
            signed_in: signed_in.or_else(|| before.as_ref().and_then(|before| before.signed_in)),
            config_options: facts.config.as_ref().clone(),
            worker,
            at,
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether somebody is signed in, as far as the session shows: an open session proves nothing, an answered prompt does.
fn signed_in(state: &SessionState) -> Option<bool> {
    if state.agent.auth_required {
        return Some(false);
    }
    state.last_turn.as_ref().and_then(|turn| match turn.stop_reason {
        StopReason::EndTurn | StopReason::MaxTokens | StopReason::MaxTurnRequests | StopReason::Refusal => Some(true),
        StopReason::Cancelled | StopReason::Timeout | StopReason::Interrupted | StopReason::Failed => None,
    })
}

fn is_same(a: &AgentAnnounced, b: &AgentAnnounced) -> bool {
    AgentAnnounced { at: b.at, ..a.clone() } == *b
}

#[cfg(test)]
#[path = "announced_tests.rs"]
mod tests;
