//! OpenAI Responses.

mod input;
mod memory;
mod order;
mod read;
mod voice;

pub use memory::Memory;
pub use read::read;
pub use voice::ResponsesVoice;

#[cfg(test)]
#[path = "responses_tests.rs"]
mod tests;
