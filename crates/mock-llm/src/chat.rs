//! OpenAI Chat Completions.

mod read;
mod voice;

pub use read::{counts_usage, read};
pub use voice::ChatVoice;

#[cfg(test)]
#[path = "chat_tests.rs"]
mod tests;
