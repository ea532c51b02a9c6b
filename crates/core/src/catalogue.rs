//! The agent catalogue as data: names, how each one is started, how it is installed.
//!
//! It is Rust and not a file that is read at run time: a slip in it is an error of the compiler, nothing has to be
//! parsed before the first command, and the room has no parser. What an agent can do is not in it: agents say that
//! themselves, in their hello.

mod entries;

pub use entries::CATALOGUE;

/// An agent that Convene knows by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CatalogueEntry {
    /// Its name.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// Other names that people or the public registry use.
    pub aliases: &'static [&'static str],
    /// Commands that start it, best first; the first word is looked for on the worker's PATH.
    pub commands: &'static [&'static [&'static str]],
    /// The package that `npx` starts if none of the commands is there.
    pub npx: Option<Package>,
    /// The package that `uvx` starts if there is nothing else.
    pub uvx: Option<Package>,
    /// Another program that it needs on the PATH, such as the one that an adapter adapts.
    pub needs: Option<&'static str>,
    /// The major version of Node.js below which it does not run; 0 if it needs none.
    pub node: u32,
    /// The version below which it is known to misbehave; empty if none is known.
    pub floor: &'static str,
    /// Arguments of its first command that print its version; none if nobody knows any.
    pub version_args: &'static [&'static str],
    /// What makes its program speak ACP; empty if it speaks nothing else.
    pub acp_flag: &'static str,
    /// Environment it needs beyond the allow-list, by name.
    pub env: &'static [&'static str],
    /// How it is installed, for a hint.
    pub install: &'static str,
    /// How one signs in, for a hint.
    pub sign_in: &'static str,
    /// How far the entry was tried; empty if a whole turn was run through it.
    pub doubt: &'static str,
}

/// A package of a registry, at the version that was tried: a package manager asks nobody for it once it has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The program in it, if it is not the one that the package manager takes by itself.
    pub program: Option<&'static str>,
    /// The program's arguments.
    pub args: &'static [&'static str],
}

/// The name of the agent that is in the binary.
pub const BUILTIN: &str = "builtin";

/// The entry of a name.
pub fn find(name: &str) -> Option<&'static CatalogueEntry> {
    CATALOGUE.iter().find(|entry| entry.name == name)
}

/// The entry of a name or of an alias.
pub fn find_alias(name: &str) -> Option<&'static CatalogueEntry> {
    find(name).or_else(|| CATALOGUE.iter().find(|entry| entry.aliases.contains(&name)))
}

/// Whether a version is lower than a floor: by the numbers in both, from the left. What is no version is not.
pub fn is_older(version: &str, floor: &str) -> bool {
    let numbers = |text: &str| -> Vec<u64> {
        let core = text.trim_start_matches('v').split(['-', '+']).next().unwrap_or_default();
        core.split('.').map_while(|part| part.parse().ok()).collect()
    };
    let (version, floor) = (numbers(version), numbers(floor));
    !version.is_empty() && !floor.is_empty() && version < floor
}

/// The known names nearest to a mistyped one: at most three, within distance 2, nearest first.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut near: Vec<(usize, &str)> =
        known.into_iter().map(|k| (strsim::osa_distance(name, k), k)).filter(|(distance, _)| *distance <= 2).collect();
    near.sort_unstable();
    near.into_iter().map(|(_, k)| k).take(3).collect()
}

#[cfg(test)]
#[path = "catalogue_tests.rs"]
mod catalogue_tests;
