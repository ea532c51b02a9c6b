//! The configuration as it is shown: without secrets.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// Answer of `GET /v1/config`: what the server was started with. Values that may be secrets are left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ConfigView {
    /// The file, also if there is none.
    pub file: String,
    /// Every key, in the order of the documentation.
    pub items: Vec<ConfigItem>,
}

/// A key of the configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ConfigItem {
    /// Its name, such as `run.agent`.
    pub key: String,
    /// Its value.
    #[schema(value_type = Value)]
    pub value: Value,
    /// Where it comes from: `default`, `file`, `environment`, `flag`.
    pub origin: String,
    /// The file with its line, the variable, or the flag; absent for a default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}
