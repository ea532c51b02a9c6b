//! All that is known of an agent before anybody has looked for it, wherever it is known from.

use std::collections::BTreeMap;

use convene_core::{
    catalogue::{CATALOGUE, CatalogueEntry, Package},
    dispatch::AgentSource,
};

use super::CustomAgent;

/// An agent and the ways to start it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Recipe {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) source: AgentSource,
    /// Commands, best first.
    pub(super) commands: Vec<Vec<String>>,
    pub(super) npx: Option<Pack>,
    pub(super) uvx: Option<Pack>,
    /// Another program that must be there.
    pub(super) needs: Option<String>,
    /// The lowest major version of Node.js; 0 if it needs none.
    pub(super) node: u32,
    pub(super) floor: String,
    pub(super) version_args: Vec<String>,
    pub(super) acp_flag: String,
    /// Variables that it gets from the worker's environment.
    pub(super) env: Vec<String>,
    /// Variables with their values, or `env:NAME`.
    pub(super) set_env: BTreeMap<String, String>,
    pub(super) install: String,
    pub(super) sign_in: String,
}

/// A package that a package manager starts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Pack {
    /// With its version, as the package manager spells it.
    pub(super) spec: String,
    pub(super) version: Option<String>,
    pub(super) program: Option<String>,
    pub(super) args: Vec<String>,
}

impl Pack {
    fn of(package: &Package) -> Self {
        let version = (!package.version.is_empty()).then(|| package.version.to_owned());
        let spec = match &version {
            Some(version) => format!("{}@{version}", package.name),
            None => package.name.to_owned(),
        };
        let (program, args) = (package.program.map(str::to_owned), owned(package.args));
        Self { spec, version, program, args }
    }
}

impl Recipe {
    pub(super) fn of_entry(entry: &CatalogueEntry) -> Self {
        Self {
            name: entry.name.to_owned(),
            title: entry.title.to_owned(),
            source: AgentSource::Catalogue,
            commands: entry.commands.iter().map(|command| owned(command)).collect(),
            npx: entry.npx.as_ref().map(Pack::of),
            uvx: entry.uvx.as_ref().map(Pack::of),
            needs: entry.needs.map(str::to_owned),
            node: entry.node,
            floor: entry.floor.to_owned(),
            version_args: owned(entry.version_args),
            acp_flag: entry.acp_flag.to_owned(),
            env: owned(entry.env),
            set_env: BTreeMap::new(),
            install: entry.install.to_owned(),
            sign_in: entry.sign_in.to_owned(),
        }
    }

    /// The configuration's command, and what the catalogue says of the agent of that name beside commands.
    pub(super) fn of_custom(name: &str, custom: &CustomAgent, entry: Option<Self>) -> Self {
        let entry = entry.unwrap_or_else(|| Self {
            title: name.to_owned(),
            acp_flag: custom.command.first().map(|program| flag_of(program)).unwrap_or_default(),
            install: format!("correct agents.{name}.command in the config, or install the program that it names"),
            ..Self::default()
        });
        Self {
            name: name.to_owned(),
            source: AgentSource::Config,
            commands: vec![custom.command.clone()],
            set_env: custom.env.clone(),
            title: entry.title,
            acp_flag: entry.acp_flag,
            env: entry.env,
            install: entry.install,
            sign_in: entry.sign_in,
            ..Self::default()
        }
    }

    /// This entry, started with the packages that the registry names.
    pub(super) fn with_packages_of(mut self, listed: Self) -> Self {
        self.npx = listed.npx.or(self.npx);
        self.uvx = listed.uvx.or(self.uvx);
        for command in listed.commands {
            if !self.commands.contains(&command) {
                self.commands.push(command);
            }
        }
        self.set_env.extend(listed.set_env);
        self
    }
}

/// What makes a program speak ACP that the catalogue knows.
fn flag_of(program: &str) -> String {
    let name = program.rsplit('/').next().unwrap_or(program);
    let known = CATALOGUE.iter().find(|entry| entry.commands.iter().any(|command| command.first() == Some(&name)));
    known.map(|entry| entry.acp_flag.to_owned()).unwrap_or_default()
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
