//! Bodies that answer what an agent asks.

use convene_core::{
    content::PermissionOption,
    view::{PermissionView, SessionView},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::Cursor;

/// Body of `POST /v1/sessions/{id}/permissions/{request}`: an option of the agent's, or a decision.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecidePermission {
    /// One of the offered options.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub option_id: Option<String>,
    /// `allow_once`, `allow_always`, `reject_once`, `reject_always`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<DecisionInput>,
    /// Said with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What a person decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DecisionInput {
    /// This time.
    AllowOnce,
    /// From now on.
    AllowAlways,
    /// Not this time.
    RejectOnce,
    /// Not from now on.
    RejectAlways,
}

/// Answer of a permission decision.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PermissionDecidedBody {
    /// The request as it was asked.
    pub request: PermissionView,
    /// The option that was chosen.
    pub option: Option<PermissionOption>,
    /// The session as it is after the transaction.
    pub session: SessionView,
    /// Where its events go on.
    pub cursor: Cursor,
}

/// Body of `POST /v1/sessions/{id}/elicitations/{request}`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerElicitation {
    /// `accept`, `decline`, `cancel`.
    pub action: ElicitationAction,
    /// The form's content, for `accept`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub content: Option<Value>,
}

/// What a person does with a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ElicitationAction {
    /// Answers it.
    Accept,
    /// Says no.
    Decline,
    /// Closes it.
    Cancel,
}
