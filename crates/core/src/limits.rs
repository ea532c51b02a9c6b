//! Limits that are told and enforced.

/// Prompts that may wait behind a running turn.
pub const QUEUE: usize = 10;

/// The size of a prompt, in bytes of its JSON.
pub const PROMPT: usize = 1_000_000;

/// How long a permission request waits for a person, in seconds, before it is rejected once, unless the server's
/// configuration says otherwise.
pub const ASK_TIMEOUT: u64 = 300;

/// How often a turn that was provably not handed over is tried again after crashes.
pub const TURN_TRIES: u32 = 3;

/// How many attempts in a row may end before their agent was ready, without a word of why, until the session gives up.
pub const START_TRIES: u32 = 3;

/// Permission requests, and likewise questions, that may wait at a time; further ones are answered `cancelled` at once.
pub const OPEN_QUESTIONS: usize = 32;

/// Decided permission requests that a state remembers, so that a second answer is told of the first.
pub const DECIDED: usize = 64;

/// Tool calls at work that a state knows; calls beyond are not closed when their turn ends.
pub const OPEN_TOOLS: usize = 256;

/// The most directives that a state holds for its runner. More than all questions that may be open, so that an answer
/// is dropped only after a runner has long had it.
pub const DIRECTIVES: usize = 2 * OPEN_QUESTIONS + 64;

/// The last line of an answer that a session object shows, in bytes.
pub const LAST_LINE: usize = 200;

/// The answer that a session object keeps as `result`, in bytes; the log has all of it.
pub const RESULT: usize = 64 * 1024;

/// What an agent that has lost the conversation is told of it, in bytes.
pub const RECAP: usize = 32 * 1024;
