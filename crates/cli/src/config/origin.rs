//! Where each value of the configuration comes from.

use std::collections::BTreeMap;

/// The layer that won.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The file, at a line.
    File {
        /// From 1.
        line: usize,
    },
    /// A variable.
    Environment {
        /// Its name.
        name: String,
    },
    /// A flag of the command line.
    Flag {
        /// Its name, with dashes.
        name: &'static str,
    },
}

/// The origins of all keys that are not at their defaults' mercy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(BTreeMap<String, Origin>);

impl Origins {
    /// A layer above the ones before sets a key.
    pub fn set(&mut self, key: &str, origin: Origin) {
        self.0.insert(key.to_owned(), origin);
    }

    /// Who set a key; none: it has its default.
    pub fn of(&self, key: &str) -> Option<&Origin> {
        self.0.get(key)
    }
}

impl Origin {
    /// The layer, for programs.
    pub const fn layer(&self) -> &'static str {
        match self {
            Self::File { .. } => "file",
            Self::Environment { .. } => "environment",
            Self::Flag { .. } => "flag",
        }
    }
}
