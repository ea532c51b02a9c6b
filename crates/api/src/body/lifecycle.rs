//! Bodies about sessions that sleep and branch off.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::PromptInput;

/// Body of `POST /v1/sessions/{id}/hibernate`; may be absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HibernateSession {
    /// Also if its agent can neither resume nor load the conversation: on waking it gets a recap.
    #[serde(default)]
    pub recap: bool,
}

/// Body of `POST /v1/sessions/{id}/fork`; may be absent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ForkSession {
    /// Its first prompt; without one it waits idle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<PromptInput>,
    /// Its title; that of the other one with "(fork)" behind it if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}
