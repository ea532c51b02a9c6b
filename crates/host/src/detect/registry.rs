//! The public registry of agents, as a file on this machine or at a URL that the configuration names.
//!
//! Agents that are started with `npx` or `uvx` are taken as they are listed. One that is a program to download is
//! started only if that program is on the PATH: archives are not fetched. An entry that cannot be read is passed over
//! and told in the log; a file that is no registry is an error, or, once there was a good one, changes nothing.

mod fetch;
mod parse;

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use super::recipe::Recipe;
use parse::Parsed;
pub use parse::Problem;

/// How old the copy of a registry at a URL may become.
const FRESH: Duration = Duration::from_secs(24 * 3600);
/// The longest time between two tries to fetch it is the period of looking; the shortest one is this.
const AGAIN: Duration = Duration::from_secs(600);

/// Why there is no registry.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is no registry.
    #[error("{location} is no registry of agents: {problem}")]
    Malformed {
        /// The file or URL.
        location: String,
        /// What is wrong with it.
        problem: Problem,
    },
    /// It cannot be fetched.
    #[error("cannot fetch {url}: {why}")]
    Unreachable {
        /// The URL.
        url: String,
        /// Why.
        why: String,
    },
}

/// A registry and what is known of it now.
#[derive(Debug)]
pub struct Registry {
    location: Location,
    state: Mutex<State>,
}

#[derive(Debug)]
enum Location {
    File(PathBuf),
    Url { url: String, copy: PathBuf },
}

#[derive(Debug, Default)]
struct State {
    agents: BTreeMap<String, Recipe>,
    /// The time of the file that they are from.
    of: Option<SystemTime>,
    /// When the URL was asked last.
    asked: Option<SystemTime>,
}

impl Registry {
    /// The registry at a path, or at an `http://` or `https://` URL, of which a copy is kept in `copies`. A URL that was
    /// never fetched is fetched later, when somebody looks closely.
    ///
    /// # Errors
    /// If a file is named that cannot be read or is no registry.
    pub fn open(location: &str, copies: &Path) -> Result<Self, Error> {
        let location = if location.starts_with("http://") || location.starts_with("https://") {
            Location::Url { url: location.to_owned(), copy: copies.join("registry.json") }
        } else {
            Location::File(PathBuf::from(location))
        };
        let registry = Self { location, state: Mutex::default() };
        match (&registry.location, registry.read()) {
            (Location::File(_), Err(error)) => return Err(error),
            (Location::Url { .. }, Err(error)) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "no copy of the registry yet");
            }
            (_, Ok(())) => {}
        }
        Ok(registry)
    }

    /// The names of its agents.
    pub(super) fn names(&self) -> Vec<String> {
        self.lock().agents.keys().cloned().collect()
    }

    /// What it says of an agent.
    pub(super) fn agent(&self, name: &str) -> Option<Recipe> {
        self.lock().agents.get(name).cloned()
    }

    /// Reads the file if it has changed, and fetches the URL if the copy is old. Trouble is told in the log. Blocks.
    pub(super) fn keep_fresh(&self) {
        if let Location::Url { copy, .. } = &self.location {
            let old = |time: Option<SystemTime>, limit| {
                time.and_then(|time| time.elapsed().ok()).is_none_or(|age| age > limit)
            };
            let asked = self.lock().asked;
            if !old(modified(copy), FRESH) || !old(asked, AGAIN) {
                return;
            }
            return self.refresh();
        }
        let (Location::File(path) | Location::Url { copy: path, .. }) = &self.location;
        if modified(path) != self.lock().of {
            self.told(self.read());
        }
    }

    /// Fetches or reads it now. Trouble is told in the log, and what was known stays. Blocks.
    pub(super) fn refresh(&self) {
        if let Location::Url { url, copy } = &self.location {
            self.lock().asked = Some(now());
            if let Err(error) = fetch::fetch(url, copy) {
                return self.told(Err(error));
            }
        }
        self.told(self.read());
    }

    fn told(&self, result: Result<(), Error>) {
        if let Err(error) = result {
            tracing::warn!(error = &error as &dyn std::error::Error, "the registry of agents is not as it should be");
        }
    }

    fn read(&self) -> Result<(), Error> {
        let (path, location) = match &self.location {
            Location::File(path) => (path, path.display().to_string()),
            Location::Url { url, copy } => (copy, url.clone()),
        };
        let of = modified(path);
        // A file that is bad is looked at again only when it is another.
        self.lock().of = of;
        let unreadable = |source| Error::Unreadable { path: path.clone(), source };
        let size = fs::metadata(path).map_err(unreadable)?.len();
        let malformed = |problem| Error::Malformed { location: location.clone(), problem };
        if size > fetch::LARGEST {
            return Err(malformed(Problem::TooLarge { size, limit: fetch::LARGEST }));
        }
        let text = fs::read(path).map_err(unreadable)?;
        let Parsed { agents, passed_over } = parse::parse(&text).map_err(malformed)?;
        for (entry, why) in passed_over {
            tracing::warn!(registry = location, entry, why, "an entry of the registry is passed over");
        }
        self.lock().agents = agents.into_iter().map(|agent| (agent.name.clone(), agent)).collect();
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a text may be the registry that this is, for what fetches one.
fn check(text: &[u8], location: &str) -> Result<(), Error> {
    parse::parse(text).map(drop).map_err(|problem| Error::Malformed { location: location.to_owned(), problem })
}

fn modified(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|metadata| metadata.modified()).ok()
}

#[expect(clippy::disallowed_methods, reason = "the age of a file is told by the machine's clock")]
fn now() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
#[path = "registry_tests.rs"]
mod tests;
