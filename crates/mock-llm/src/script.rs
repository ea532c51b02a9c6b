//! Scripts.

use std::path::Path;

use crate::{plan::Plan, talk::Talk};

/// A script.
#[derive(Debug)]
pub struct Script {
    models: Vec<String>,
    key: Option<String>,
}

/// Why a script cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// x
    #[error("cannot read")]
    Read(std::io::Error),
}

impl Script {
    /// x
    pub fn load(_path: &Path) -> Result<Self, ScriptError> {
        Ok(Self { models: Vec::new(), key: None })
    }
    pub(crate) fn models(&self) -> &[String] {
        &self.models
    }
    pub(crate) fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }
    pub(crate) fn plan(&self, _talk: &Talk) -> Option<Plan> {
        None
    }
    pub(crate) fn reset(&self) {}
}
