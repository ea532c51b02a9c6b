//! Finds out which agents this machine can start, and how: by a command on the PATH, else by `npx`, else by `uvx`.
//!
//! [`Agents::detect`] only looks and is quick; [`Agents::look_closely`] also runs what says a version, once for each
//! file that it has not seen before. Both block.

mod form;
mod recipe;
pub mod registry;
mod version;

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use convene_api::problem::Code;
use convene_core::{
    catalogue::{self, BUILTIN, CATALOGUE},
    dispatch::{AgentFinding, AgentSource, DetectedAgent},
};
use serde::{Deserialize, Serialize};

use crate::launch_spec::LaunchSpec;
use form::{Form, Start};
use recipe::Recipe;
use registry::Registry;
use version::Versions;

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
    /// The file of its command is there and cannot be run.
    #[error("{name} cannot be started: {program} is not an executable file")]
    NotExecutable {
        /// Its name.
        name: String,
        /// The file.
        program: String,
    },
    /// It is there, and Node.js is too old for it.
    #[error("{name} needs Node {wanted} or newer, and node on the PATH is {found}")]
    NodeOld {
        /// Its name.
        name: String,
        /// The lowest major version that it runs on.
        wanted: u32,
        /// The version of `node` on the PATH.
        found: String,
    },
    /// It is there, and a program that it cannot do without is not.
    #[error("{name} needs the program {program}, which is not on the PATH")]
    NeedsProgram {
        /// Its name.
        name: String,
        /// The program.
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
            Self::NotInstalled { .. } | Self::NodeOld { .. } | Self::NeedsProgram { .. } => Code::AgentNotInstalled,
            Self::NotExecutable { .. } => Code::AgentStartFailed,
            Self::SecretMissing { .. } => Code::SecretMissing,
        }
    }

    /// What it is in a list of findings.
    const fn finding(&self) -> &'static str {
        match self {
            Self::NodeOld { .. } => "node_old",
            Self::Unknown { .. }
            | Self::NotInstalled { .. }
            | Self::NotExecutable { .. }
            | Self::NeedsProgram { .. }
            | Self::SecretMissing { .. } => "agent_missing",
        }
    }

    /// One thing to do about it.
    fn fix(&self, install: &str) -> String {
        match self {
            Self::NodeOld { wanted, .. } => format!("install Node {wanted} or newer"),
            Self::NotExecutable { program, .. } => format!("chmod +x {program}, or correct the command in the config"),
            Self::NeedsProgram { .. } | Self::Unknown { .. } | Self::NotInstalled { .. } => install.to_owned(),
            Self::SecretMissing { variable, .. } => format!("export {variable} where the worker is started"),
        }
    }
}

/// The agents that a machine may know: the catalogue, its configuration's, those of a registry file.
#[derive(Debug, Clone)]
pub struct Agents {
    /// This program, which holds the builtin agent.
    pub exe: PathBuf,
    /// The configuration's own agents, by name.
    pub custom: BTreeMap<String, CustomAgent>,
    /// Whether `npx` and `uvx` may be used, which download what they have not yet.
    downloads: bool,
    registry: Option<Arc<Registry>>,
    versions: Arc<Versions>,
}

impl Agents {
    /// The catalogue and the configuration's own.
    pub fn new(exe: PathBuf, custom: BTreeMap<String, CustomAgent>) -> Self {
        Self { exe, custom, downloads: true, registry: None, versions: Arc::default() }
    }

    /// Whether agents may be started with `npx` and `uvx`.
    #[must_use]
    pub fn downloads(mut self, allowed: bool) -> Self {
        self.downloads = allowed;
        self
    }

    /// With the agents of a registry file.
    #[must_use]
    pub fn registry(mut self, registry: Option<Arc<Registry>>) -> Self {
        self.registry = registry;
        self
    }

    /// Every known agent, and whether it can be started here, as far as that is known without running anything.
    pub fn detect(&self) -> Vec<DetectedAgent> {
        self.look(false)
    }

    /// As [`Agents::detect`], and asks for versions that are not known yet. Takes seconds the first time.
    pub fn look_closely(&self) -> Vec<DetectedAgent> {
        if let Some(registry) = &self.registry {
            registry.keep_fresh();
        }
        self.look(true)
    }

    /// As [`Agents::look_closely`], with everything read anew: the registry and all versions.
    pub fn refresh(&self) -> Vec<DetectedAgent> {
        self.versions.forget();
        if let Some(registry) = &self.registry {
            registry.refresh();
        }
        self.look(true)
    }

    fn look(&self, closely: bool) -> Vec<DetectedAgent> {
        let mut names: Vec<String> = CATALOGUE.iter().map(|entry| entry.name.to_owned()).collect();
        names.extend(self.custom.keys().cloned());
        names.extend(self.registry.iter().flat_map(|registry| registry.names()));
        names.sort_unstable();
        names.dedup();
        names.iter().filter_map(|name| self.recipe(name)).map(|recipe| self.look_at(&recipe, closely)).collect()
    }

    fn look_at(&self, recipe: &Recipe, closely: bool) -> DetectedAgent {
        let start = self.start(recipe, closely);
        let known = catalogue::find(&recipe.name).is_some();
        let mut found = DetectedAgent {
            name: recipe.name.clone(),
            source: recipe.source,
            title: (!known && recipe.title != recipe.name).then(|| recipe.title.clone()),
            install: (!known && !recipe.install.is_empty()).then(|| recipe.install.clone()),
            env: present(recipe.env.iter().map(String::as_str)),
            ..DetectedAgent::default()
        };
        found.env.extend(recipe.set_env.keys().cloned());
        match start {
            Ok(start) => {
                found.installed = true;
                found.starts_with = start.form.words(&start.command);
                found.downloads = start.form.downloads();
                found.version = match (&start.version, start.form) {
                    (Some(version), _) => Some(version.clone()),
                    (None, Form::Builtin) => Some(env!("CARGO_PKG_VERSION").to_owned()),
                    (None, Form::Path) => self.versions.of_agent(recipe, Path::new(&start.command[0]), closely),
                    (None, Form::Config | Form::Npx | Form::Uvx) => None,
                };
                found.findings.extend(found.version.as_deref().and_then(|version| too_old(recipe, version)));
                found.command = start.command;
            }
            Err(error) => {
                let (code, summary) = (error.finding().to_owned(), error.to_string());
                found.findings.push(AgentFinding { code, summary, fix: error.fix(&recipe.install) });
            }
        }
        found
    }

    /// How an agent is started here, with its environment.
    ///
    /// # Errors
    /// If it is unknown, not installed, or a reference of its environment leads nowhere.
    pub fn launch_spec(&self, name: &str) -> Result<LaunchSpec, Error> {
        let recipe = self.recipe(name).ok_or_else(|| Error::Unknown { name: name.to_owned() })?;
        let start = self.start(&recipe, true)?;
        let mut env: BTreeMap<String, String> = BTreeMap::new();
        let managers: &[&str] = if start.form.downloads() { MANAGERS } else { &[] };
        for variable in
            recipe.env.iter().map(String::as_str).chain(PASSED.iter().copied()).chain(managers.iter().copied())
        {
            if let Ok(value) = std::env::var(variable) {
                env.insert(variable.to_owned(), value);
            }
        }
        for (variable, value) in &recipe.set_env {
            env.insert(variable.clone(), resolve(name, value)?);
        }
        Ok(LaunchSpec {
            name: recipe.name,
            title: recipe.title,
            command: start.command,
            env: env.into_iter().collect(),
            sign_in: recipe.sign_in,
            install: recipe.install,
            acp_flag: recipe.acp_flag,
            downloads: start.form.downloads(),
        })
    }

    /// What is known of a name: the configuration's word goes before the catalogue's, and the registry names newer
    /// packages than the catalogue.
    fn recipe(&self, name: &str) -> Option<Recipe> {
        let entry = catalogue::find(name).map(Recipe::of_entry);
        if let Some(custom) = self.custom.get(name) {
            return Some(Recipe::of_custom(name, custom, entry));
        }
        let listed = self.registry.as_ref().and_then(|registry| registry.agent(name));
        match (entry, listed) {
            (Some(entry), Some(listed)) => Some(entry.with_packages_of(listed)),
            (entry, listed) => entry.or(listed),
        }
    }

    fn start(&self, recipe: &Recipe, closely: bool) -> Result<Start, Error> {
        if recipe.source == AgentSource::Catalogue && recipe.name == BUILTIN {
            let exe = self.exe.to_string_lossy().into_owned();
            let command = vec![exe, "agent".to_owned(), BUILTIN.to_owned()];
            return Ok(Start { form: Form::Builtin, command, version: None });
        }
        let search = form::Search {
            path: std::env::var_os("PATH"),
            downloads: self.downloads,
            node: &|node| self.versions.of_node(node, closely),
        };
        search.start(recipe)
    }
}

fn too_old(recipe: &Recipe, version: &str) -> Option<AgentFinding> {
    catalogue::is_older(version, &recipe.floor).then(|| AgentFinding {
        code: "agent_old".to_owned(),
        summary: format!(
            "{} {version} is older than {}, which is the oldest that is known to work",
            recipe.name, recipe.floor
        ),
        fix: recipe.install.clone(),
    })
}

/// What every agent may need to reach its model through the machine's network, or its own runtime.
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
    "VOLTA_HOME",
    "ASDF_DATA_DIR",
    "MISE_DATA_DIR",
];

/// What `npx` and `uvx` may need beside it: where packages come from and where they are kept.
const MANAGERS: &[&str] = &[
    "npm_config_registry",
    "NPM_CONFIG_REGISTRY",
    "npm_config_userconfig",
    "NPM_CONFIG_USERCONFIG",
    "npm_config_cache",
    "NPM_CONFIG_CACHE",
    "UV_DEFAULT_INDEX",
    "UV_INDEX_URL",
    "UV_CACHE_DIR",
    "UV_PYTHON",
];

/// Those of the variables that are set.
fn present<'a>(variables: impl Iterator<Item = &'a str>) -> Vec<String> {
    variables.filter(|variable| std::env::var_os(variable).is_some()).map(str::to_owned).collect()
}

/// The executable file of a name: as it is if it has a slash, else on the search path.
fn find_program(program: &str, path: Option<&OsStr>) -> Option<PathBuf> {
    if program.contains('/') {
        let path = PathBuf::from(program);
        return is_executable(&path).then_some(path);
    }
    std::env::split_paths(path?).map(|dir| dir.join(program)).find(|candidate| is_executable(candidate))
}

fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

fn resolve(name: &str, value: &str) -> Result<String, Error> {
    let Some(variable) = value.strip_prefix("env:") else { return Ok(value.to_owned()) };
    std::env::var(variable).map_err(|_| Error::SecretMissing { name: name.to_owned(), variable: variable.to_owned() })
}

#[cfg(test)]
#[path = "detect_tests.rs"]
mod tests;
