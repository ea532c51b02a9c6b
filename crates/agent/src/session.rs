//! Keeps the sessions of one connection: where each works, what it remembers, whether a turn is running.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::script::Script;
use crate::speech::{ConfigOption, Modes};
use crate::{player, worker};

/// What a session remembers from turn to turn.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) worker: worker::Memory,
    pub(crate) player: player::Memory,
}

/// One session.
#[derive(Debug)]
struct Session {
    cwd: PathBuf,
    memory: Memory,
    config: Vec<ConfigOption>,
    modes: Option<Modes>,
    running: Option<CancellationToken>,
}

/// Why a turn cannot begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unready {
    UnknownSession,
    Busy,
}

/// A turn that has begun; it must be ended with [`Sessions::end`].
#[derive(Debug)]
pub(crate) struct Begun {
    pub(crate) cwd: PathBuf,
    pub(crate) memory: Memory,
    pub(crate) cancel: CancellationToken,
}

#[derive(Debug, Default)]
struct State {
    /// What the client can do; `None` before `initialize`.
    client: Option<ClientAbilities>,
    sessions: HashMap<String, Session>,
}

/// What the client said it can do.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ClientAbilities {
    pub(crate) writes_files: bool,
}

/// All sessions of a connection, shared by its message handlers and its running turns.
///
/// The lock is held for map operations only, never while waiting.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sessions {
    state: Arc<Mutex<State>>,
}

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, State> {
        // No operation leaves the map half changed, so a panic elsewhere does not spoil it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn initialize(&self, abilities: ClientAbilities) {
        self.lock().client = Some(abilities);
    }

    pub(crate) fn abilities(&self) -> Option<ClientAbilities> {
        self.lock().client
    }

    /// Opens a session, or opens it again in another directory.
    pub(crate) fn open(&self, id: &str, cwd: PathBuf, script: Option<&Script>) {
        let mut state = self.lock();
        if let Some(known) = state.sessions.get_mut(id) {
            known.cwd = cwd;
            return;
        }
        let session = Session {
            cwd,
            memory: Memory::default(),
            config: script.map(|script| script.config_options.clone()).unwrap_or_default(),
            modes: script.and_then(|script| script.modes.clone()),
            running: None,
        };
        state.sessions.insert(id.to_owned(), session);
    }

    /// Forgets a session and cancels what runs in it; says whether it was known.
    pub(crate) fn close(&self, id: &str) -> bool {
        let closed = self.lock().sessions.remove(id);
        if let Some(running) = closed.as_ref().and_then(|session| session.running.as_ref()) {
            running.cancel();
        }
        closed.is_some()
    }

    pub(crate) fn begin(&self, id: &str) -> Result<Begun, Unready> {
        let mut state = self.lock();
        let session = state.sessions.get_mut(id).ok_or(Unready::UnknownSession)?;
        if session.running.is_some() {
            return Err(Unready::Busy);
        }
        let cancel = CancellationToken::new();
        session.running = Some(cancel.clone());
        Ok(Begun { cwd: session.cwd.clone(), memory: std::mem::take(&mut session.memory), cancel })
    }

    /// Ends a turn and gives its memory back.
    pub(crate) fn end(&self, id: &str, memory: Memory) {
        if let Some(session) = self.lock().sessions.get_mut(id) {
            session.memory = memory;
            session.running = None;
        }
    }

    pub(crate) fn cancel(&self, id: &str) {
        if let Some(running) = self.lock().sessions.get(id).and_then(|session| session.running.as_ref()) {
            running.cancel();
        }
    }

    /// Cancels every running turn.
    pub(crate) fn cancel_all(&self) {
        for running in self.lock().sessions.values().filter_map(|session| session.running.as_ref()) {
            running.cancel();
        }
    }

    pub(crate) fn config(&self, id: &str) -> Vec<ConfigOption> {
        self.lock().sessions.get(id).map(|session| session.config.clone()).unwrap_or_default()
    }

    /// Sets a configuration option to one of its choices; `None` if there is no such option or choice.
    pub(crate) fn set_config(&self, id: &str, option: &str, value: &str) -> Option<Vec<ConfigOption>> {
        let mut state = self.lock();
        let config = &mut state.sessions.get_mut(id)?.config;
        let wanted = config.iter_mut().find(|known| known.id == option)?;
        if wanted.choices.iter().all(|choice| choice.value != value) {
            return None;
        }
        value.clone_into(&mut wanted.value);
        Some(config.clone())
    }

    pub(crate) fn modes(&self, id: &str) -> Option<Modes> {
        self.lock().sessions.get(id).and_then(|session| session.modes.clone())
    }

    /// Sets the mode; says whether the session has it.
    pub(crate) fn set_mode(&self, id: &str, mode: &str) -> bool {
        let mut state = self.lock();
        let Some(modes) = state.sessions.get_mut(id).and_then(|session| session.modes.as_mut()) else {
            return false;
        };
        let known = modes.available.iter().any(|available| available.id == mode);
        if known {
            mode.clone_into(&mut modes.current);
        }
        known
    }

    pub(crate) fn knows(&self, id: &str) -> bool {
        self.lock().sessions.contains_key(id)
    }
}
