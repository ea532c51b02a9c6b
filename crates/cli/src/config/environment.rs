//! The environment: `CONVENE_SECTION_KEY` for every key, and the variables that stand by themselves.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
};

use convene_api::problem::{Code, Problem};
use convene_core::catalogue::nearest;

use super::{
    Config, Origin, Origins,
    keys::{self, KEYS},
    value::Raw,
};
use crate::failure::Failure;

/// Variables of ours that are no keys.
const BY_THEMSELVES: &[&str] = &[
    "CONVENE_URL",
    "CONVENE_TOKEN",
    "CONVENE_CONFIG",
    "CONVENE_DATA_DIR",
    "CONVENE_SESSION_ID",
    "CONVENE_THREAD_ID",
    "CONVENE_ATTEMPT",
    "CONVENE_AGENT",
    "CONVENE_CTL_URL",
    "CONVENE_CTL_TOKEN",
];

/// Variables, read once.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, OsString>,
}

/// A variable that begins like ours and is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// Its name.
    pub name: String,
    /// The nearest one that is ours.
    pub near: Option<String>,
}

impl Environment {
    /// This process's environment.
    pub fn of_process() -> Self {
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect()
    }

    /// A variable that is set, not empty, and text.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name)?.to_str().filter(|value| !value.is_empty())
    }

    /// A variable that is set and not empty, as a path.
    pub fn path(&self, name: &str) -> Option<&Path> {
        self.variables.get(name).filter(|value| !value.is_empty()).map(Path::new)
    }

    /// The person's home directory.
    pub fn home(&self) -> Option<&Path> {
        self.path("HOME").filter(|home| home.is_absolute())
    }

    /// A base directory: an absolute variable, else a folder of the home directory.
    pub fn base(&self, variable: &str, folder: &str) -> PathBuf {
        match self.path(variable).filter(|path| path.is_absolute()) {
            Some(path) => path.to_owned(),
            None => self.home().unwrap_or(Path::new("/")).join(folder),
        }
    }

    /// Whether the process runs inside an agent of ours.
    pub fn inside_agent(&self) -> bool {
        self.get("CONVENE_SESSION_ID").is_some()
    }

    /// Puts what the variables say into the config; tells those that say nothing.
    pub fn apply(&self, config: &mut Config, origins: &mut Origins) -> Result<Vec<Unknown>, Failure> {
        let mut unknown = Vec::new();
        let ours: Vec<(String, &str)> = KEYS.iter().map(|key| (variable(key), *key)).collect();
        for (name, value) in self.variables.iter().filter(|(name, _)| name.starts_with("CONVENE_")) {
            if BY_THEMSELVES.contains(&name.as_str()) {
                continue;
            }
            let Some((_, key)) = ours.iter().find(|(ours, _)| ours == name) else {
                let names = ours.iter().map(|(name, _)| name.as_str()).chain(BY_THEMSELVES.iter().copied());
                let near = nearest(name, names).first().map(|n| (*n).to_owned());
                unknown.push(Unknown { name: name.clone(), near });
                continue;
            };
            origins.set(key, Origin::Environment { name: name.clone() });
            let text = value.to_string_lossy().into_owned();
            keys::set(config, key, Raw::Text(text)).map_err(|why| {
                let problem = Problem::new(Code::ConfigInvalid, format!("{name}: {why}"));
                Failure::from(problem.with("variable", name.as_str()).with("why", why))
            })?;
        }
        Ok(unknown)
    }
}

impl FromIterator<(String, OsString)> for Environment {
    fn from_iter<I: IntoIterator<Item = (String, OsString)>>(variables: I) -> Self {
        Self { variables: variables.into_iter().collect() }
    }
}

/// The variable of a key.
fn variable(key: &str) -> String {
    format!("CONVENE_{}", key.replace('.', "_").to_uppercase())
}
