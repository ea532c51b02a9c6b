//! Values that are locked away: a session's environment, and the environment and headers of its MCP servers. They are in
//! the log, since the attempt that needs them may begin after a restart; there they are ciphertext, and the only place
//! where they are opened is a runner's welcome (ADR 0011).

use base64::{Engine as _, prelude::BASE64_STANDARD};
use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use convene_core::{ids::SessionId, spec::SessionSpec};
use serde_json::Value;

/// What a locked value begins with.
const MARK: &str = "sealed:v1:";

/// The length of a nonce: long enough to be drawn at random for ever.
const NONCE: usize = 24;

/// Locks and opens values.
pub struct Seal(XChaCha20Poly1305);

/// A value cannot be locked or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} cannot be {action}")]
pub struct SealError {
    /// Which value, such as `env/API_KEY`.
    pub what: String,
    /// What was tried.
    pub action: &'static str,
}

impl Seal {
    /// With a key.
    pub fn new(key: &[u8; 32]) -> Self {
        Self(XChaCha20Poly1305::new(key.into()))
    }

    /// Locks the values of a spec away.
    ///
    /// # Errors
    /// If the system has no randomness.
    pub fn close(&self, session: SessionId, spec: &mut SessionSpec) -> Result<(), SealError> {
        each(spec, &mut |what, value| {
            let failed = || SealError { what: what.to_owned(), action: "locked away" };
            let mut sealed = vec![0; NONCE];
            getrandom::fill(&mut sealed).map_err(|_| failed())?;
            let place = place(session, what);
            let payload = Payload { msg: value.as_bytes(), aad: place.as_bytes() };
            let text = self.0.encrypt(XNonce::from_slice(&sealed), payload).map_err(|_| failed())?;
            sealed.extend(text);
            *value = format!("{MARK}{}", BASE64_STANDARD.encode(sealed));
            Ok(())
        })
    }

    /// Opens the values of a spec. What was never locked, because an older version wrote it, stays as it is.
    ///
    /// # Errors
    /// If a value was locked with another key, for another session or another name, or was changed.
    pub fn open(&self, session: SessionId, spec: &mut SessionSpec) -> Result<(), SealError> {
        each(spec, &mut |what, value| {
            let Some(sealed) = value.strip_prefix(MARK) else { return Ok(()) };
            let place = place(session, what);
            let opened = BASE64_STANDARD.decode(sealed).ok().and_then(|sealed| {
                let (nonce, text) = sealed.split_at_checked(NONCE)?;
                let payload = Payload { msg: text, aad: place.as_bytes() };
                let opened = self.0.decrypt(XNonce::from_slice(nonce), payload).ok()?;
                String::from_utf8(opened).ok()
            });
            *value = opened.ok_or_else(|| SealError { what: what.to_owned(), action: "opened" })?;
            Ok(())
        })
    }
}

/// What a ciphertext is bound to: moved to another place it does not open.
fn place(session: SessionId, what: &str) -> String {
    format!("{session}/{what}")
}

/// Every value that is locked away, with its place in the spec.
fn each(
    spec: &mut SessionSpec,
    change: &mut impl FnMut(&str, &mut String) -> Result<(), SealError>,
) -> Result<(), SealError> {
    for (name, value) in &mut spec.env {
        change(&format!("env/{name}"), value)?;
    }
    for (number, server) in spec.mcp_servers.iter_mut().enumerate() {
        for field in ["env", "headers"] {
            let Some(held) = server.get_mut(field) else { continue };
            let place = format!("mcp_servers/{number}/{field}");
            match held {
                // As ACP has them.
                Value::Array(pairs) => {
                    for (at, pair) in pairs.iter_mut().enumerate() {
                        if let Some(Value::String(value)) = pair.get_mut("value") {
                            change(&format!("{place}/{at}"), value)?;
                        }
                    }
                }
                // As people write them.
                Value::Object(pairs) => {
                    for (name, value) in pairs {
                        if let Value::String(value) = value {
                            change(&format!("{place}/{name}"), value)?;
                        }
                    }
                }
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "seal_tests.rs"]
mod tests;
