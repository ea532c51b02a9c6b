//! Bodies about who may come in.

use convene_core::ids::TokenId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Body of `POST /v1/tokens`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateToken {
    /// What it is for.
    #[serde(default)]
    pub name: String,
    /// Seconds until it ends; absent: it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<u64>,
    /// What it may: `read`, `approve` (and answer what agents ask), `write` (and work with sessions), `admin`
    /// (everything; the default), or `worker` (a worker's uplink alone).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

/// Body of `POST /v1/tokens/{id}/rotate`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateToken {
    /// For how many seconds the old secret still works; 0 ends it at once. At most thirty days.
    #[serde(default)]
    pub grace: u64,
}

/// A token without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenView {
    /// Its public name.
    pub id: TokenId,
    /// What it is for.
    pub name: String,
    /// `read`, `approve`, `write`, `admin` or `worker`.
    pub scope: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// How often it was given a new secret.
    #[serde(default)]
    pub generation: u32,
    /// Until when the secret before the newest one works, too.
    #[serde(default)]
    pub previous_until: Option<Timestamp>,
    /// When it was last used.
    #[serde(default)]
    pub last_used_at: Option<Timestamp>,
}

/// Answer of `POST /v1/tokens` and of a rotation; the only time that the secret is shown.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CreatedToken {
    /// The token.
    pub token: TokenView,
    /// Its secret.
    pub secret: String,
}

/// Body of `POST /v1/login`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogIn {
    /// What the link has in its fragment after `t=`.
    pub token: String,
}

/// Answer of `POST /v1/login/links`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LoginLink {
    /// The path to open, on the server's own address.
    pub path: String,
    /// Until when it opens.
    pub expires_at: Timestamp,
}
