//! Signatures of thoughts: made here, so that a thought that comes back changed is refused, as the real ones do.

use sha2::{Digest as _, Sha256};

/// The signature of a thought, in characters that are valid base64.
pub fn sign(thought: &str) -> String {
    let digest = Sha256::new().chain_update(b"mock thought\0").chain_update(thought).finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether the signature is the thought's.
pub fn is_of(signature: &str, thought: &str) -> bool {
    sign(thought) == signature
}
