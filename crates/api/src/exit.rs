//! Exit codes of the command line, public because scripts rely on them.
//!
//! `run`, `prompt --watch`, `attach --once` and `wait` end alike: the code is a projection of the
//! last turn in the log, never of what went by on the screen.

/// What was asked for is done.
pub const DONE: u8 = 0;
/// Refused or failed; the problem's code says why.
pub const FAILED: u8 = 1;
/// The command line or the configuration is wrong.
pub const USAGE: u8 = 2;
/// The turn ended without completing: canceled by others, refused by the agent, or at a limit.
pub const NOT_COMPLETED: u8 = 3;
/// A denied permission ended the turn.
pub const PERMISSION_DENIED: u8 = 4;
/// The agent failed, crashed or could not be started.
pub const AGENT_FAILED: u8 = 5;
/// No server answers.
pub const SERVER_UNREACHABLE: u8 = 6;
/// A bug of ours; also what a panic exits with.
pub const BUG: u8 = 101;
/// `wait --timeout` ran out.
pub const WAIT_TIMEOUT: u8 = 124;
/// Ctrl-C.
pub const INTERRUPTED: u8 = 130;
/// The reader of our standard output went away.
pub const READER_GONE: u8 = 141;
/// SIGTERM.
pub const TERMINATED: u8 = 143;
