//! How a session is taken out.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The form of an export.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExportFormat {
    /// The stored events, one a line.
    #[default]
    Jsonl,
    /// For reading.
    Md,
    /// One object with the session and its events.
    Json,
}

impl ExportFormat {
    /// The word for it, which is also how names of such files end.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Md => "md",
            Self::Json => "json",
        }
    }
}
