//! Limits that are told and enforced.

/// Prompts that may wait behind a running turn, unless the server's configuration says otherwise.
pub const QUEUE: usize = 10;

/// Prompts that may wait behind a running turn, whatever the server's configuration says.
pub const QUEUE_MAX: usize = 1000;

/// The size of a prompt, in bytes of its JSON.
pub const PROMPT: usize = 1_000_000;

/// How long a permission request waits for a person, in seconds, before it is rejected once, unless the server's
/// configuration says otherwise.
pub const ASK_TIMEOUT: u64 = 300;

/// After so many seconds of a turn in which nothing happens it is said so, unless the server's configuration says
/// otherwise.
pub const INACTIVITY_WARN: u64 = 15 * 60;

/// After so many seconds of a turn in which nothing happens it is cancelled, unless the server's configuration says
/// otherwise.
pub const INACTIVITY_TIMEOUT: u64 = 30 * 60;

/// After so many seconds of a turn in which nothing happens its session is shown as hung.
pub const SILENT: u64 = 120;

/// How long a turn that is out of time may take to end once that is wanted, in seconds, before its session is stopped.
pub const CANCEL_GRACE: i64 = 30;

/// How many attempts may crash within [`CRASH_WINDOW`] until the session gives up; a prompt of a person begins anew.
pub const CRASHES: usize = 3;

/// See [`CRASHES`]; in seconds.
pub const CRASH_WINDOW: i64 = 600;

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
