//! Finds out which agents this machine can start, and how.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use convene_api::problem::Code;
use convene_core::{
    catalogue::{self, BUILTIN, CATALOGUE},
    dispatch::DetectedAgent,
};
use serde::{Deserialize, Serialize};

use crate::launch_spec::LaunchSpec;

/// An agent of the machine's own configuration; it overrides a catalogue entry of its name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomAgent {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Values, or references of the form `env:NAME` that are resolved at launch.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
}

/// Why an agent cannot be started here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Neither the catalogue nor the configuration knows it.
    #[error("no agent is called {name:?} here")]
    Unknown {
        /// Its name.
        name: String,
    },
    /// Its program is not on the PATH.
    #[error("{name} is not installed: {program} is not on the PATH")]
    NotInstalled {
        /// Its name.
        name: String,
        /// The program that was looked for.
        program: String,
    },
    /// A reference of its configuration leads nowhere.
    #[error("env:{variable} for {name} is not set")]
    SecretMissing {
        /// Its name.
        name: String,
        /// The variable.
        variable: String,
    },
}

impl Error {
    /// The problem code.
    pub const fn code(&self) -> Code {
        match self {
            Self::Unknown { .. } => Code::AgentUnknown,
            Self::NotInstalled { .. } => Code::AgentNotInstalled,
            Self::SecretMissing { .. } => Code::SecretMissing,
        }
    }
}

/// The agents that a machine may know: the catalogue and its own.
#[derive(Debug, Clone)]
pub struct Agents {
    /// This program, which holds the builtin agent.
    pub exe: PathBuf,
    /// The configuration's own agents, by name.
    pub custom: BTreeMap<String, CustomAgent>,
}

impl Agents {
    /// Every known agent, and whether it can be started here.
    pub fn detect(&self) -> Vec<DetectedAgent> {
        let known = CATALOGUE.iter().map(|e| e.name).filter(|name| !self.custom.contains_key(*name));
        let mut found: Vec<DetectedAgent> =
            known.chain(self.custom.keys().map(String::as_str)).map(|name| self.look(name)).collect();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found
    }

    fn look(&self, name: &str) -> DetectedAgent {
        let command = self.command(name).ok();
        let starts_with = match &command {
            Some(_) if name == BUILTIN => "built in".to_owned(),
            Some(_) if self.custom.contains_key(name) => "config".to_owned(),
            Some(command) => command.first().cloned().unwrap_or_default(),
            None => String::new(),
        };
        let version = (name == BUILTIN).then(|| env!("CARGO_PKG_VERSION").to_owned());
        DetectedAgent { name: name.to_owned(), installed: command.is_some(), version, starts_with }
    }

    /// How an agent is started here, with its environment.
    ///
    /// # Errors
    /// If it is unknown, not installed, or a reference of its environment leads nowhere.
    pub fn launch_spec(&self, name: &str) -> Result<LaunchSpec, Error> {
        let command = self.command(name)?;
        let entry = catalogue::find(name);
        let mut env: BTreeMap<String, String> = BTreeMap::new();
        for variable in entry.iter().flat_map(|e| e.env).chain(PASSED) {
            if let Ok(value) = std::env::var(variable) {
                env.insert((*variable).to_owned(), value);
            }
        }
        for (variable, value) in self.custom.get(name).iter().flat_map(|c| &c.env) {
            env.insert(variable.clone(), resolve(name, value)?);
        }
        Ok(LaunchSpec {
            name: name.to_owned(),
            title: entry.map(|e| e.title.to_owned()).unwrap_or_default(),
            command,
            env: env.into_iter().collect(),
            sign_in: entry.map(|e| e.sign_in.to_owned()).unwrap_or_default(),
            install: entry.map(|e| e.install.to_owned()).unwrap_or_default(),
        })
    }

    fn command(&self, name: &str) -> Result<Vec<String>, Error> {
        if let Some(custom) = self.custom.get(name) {
            return with_program(name, &custom.command);
        }
        if name == BUILTIN {
            let exe = self.exe.to_string_lossy().into_owned();
            return Ok(vec![exe, "agent".to_owned(), BUILTIN.to_owned()]);
        }
        let entry = catalogue::find(name).ok_or_else(|| Error::Unknown { name: name.to_owned() })?;
        let mut missing = Error::Unknown { name: name.to_owned() };
        for command in entry.commands {
            let command: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
            match with_program(name, &command) {
                Ok(command) => return Ok(command),
                Err(error) => missing = error,
            }
        }
        Err(missing)
    }
}

/// What every agent may need to reach its model through the machine's network.
const PASSED: &[&str] = &[
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
];

/// A command with its program as an absolute path.
fn with_program(name: &str, command: &[String]) -> Result<Vec<String>, Error> {
    let Some(program) = command.first() else {
        return Err(Error::NotInstalled { name: name.to_owned(), program: "(an empty command)".to_owned() });
    };
    let found = find_program(program, std::env::var_os("PATH").as_deref());
    let found = found.ok_or_else(|| Error::NotInstalled { name: name.to_owned(), program: program.clone() })?;
    let mut command = command.to_vec();
    command[0] = found.to_string_lossy().into_owned();
    Ok(command)
}

/// The executable file of a name: as it is if it has a slash, else on the search path.
fn find_program(program: &str, path: Option<&OsStr>) -> Option<PathBuf> {
    let is_executable = |p: &Path| p.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0);
    if program.contains('/') {
        let path = PathBuf::from(program);
        return is_executable(&path).then_some(path);
    }
    std::env::split_paths(path?).map(|dir| dir.join(program)).find(|candidate| is_executable(candidate))
}

fn resolve(name: &str, value: &str) -> Result<String, Error> {
    let Some(variable) = value.strip_prefix("env:") else { return Ok(value.to_owned()) };
    std::env::var(variable).map_err(|_| Error::SecretMissing { name: name.to_owned(), variable: variable.to_owned() })
}
