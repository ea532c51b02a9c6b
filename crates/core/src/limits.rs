//! Limits that are told and enforced.

/// Prompts that may wait behind a running turn.
pub const QUEUE: usize = 10;

/// The size of a prompt, in bytes of its JSON.
pub const PROMPT: usize = 1_000_000;

/// How long a permission request waits for a person, in seconds, before it is rejected once.
pub const ASK_TIMEOUT: u64 = 300;

/// How often a turn that was provably not handed over is tried again after crashes.
pub const TURN_TRIES: u32 = 3;

/// The most directives that a state holds for its runner.
pub const DIRECTIVES: usize = 64;

/// The last line of an answer that a session object shows, in bytes.
pub const LAST_LINE: usize = 200;

/// The answer that a session object keeps as `result`, in bytes; the log has all of it.
pub const RESULT: usize = 64 * 1024;
