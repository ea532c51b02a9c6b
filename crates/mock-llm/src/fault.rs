//! A refusal or a failure of the model, before each provider puts it in words of its own.

use serde::Serialize;

/// What the server answers instead of a reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The HTTP status. In the middle of a stream it picks the type, when `kind` does not.
    pub status: u16,
    /// The provider's own type, such as `overloaded_error`; the usual one of the status when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// For people.
    pub message: String,
    /// Which part of the request, where the provider says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub param: Option<String>,
    /// The provider's code, where it has one beside the type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Seconds after which the client may try again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

impl Fault {
    /// A fault with a status and the usual type of that status.
    pub fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, kind: None, message: message.into(), param: None, code: None, retry_after: None }
    }

    /// A request that the provider refuses, status 400.
    pub fn bad(message: impl Into<String>) -> Self {
        Self::new(400, message)
    }

    /// With a type.
    #[must_use]
    pub fn kind(mut self, kind: &str) -> Self {
        self.kind = Some(kind.to_owned());
        self
    }

    /// With the part of the request.
    #[must_use]
    pub fn param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// With a code.
    #[must_use]
    pub fn code(mut self, code: &str) -> Self {
        self.code = Some(code.to_owned());
        self
    }
}
