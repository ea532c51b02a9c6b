//! One machine: launches, runs, keeps and buries the processes of attempts.
//!
//! The [`worker`] takes an attempt from the server, makes its [`rundir`] and starts `convene runner` ([`death::launch`]).
//! That process splits in two: the [`keeper`], which owns the end of everything below it, and the [`runner`], which
//! speaks with the agent ([`acp`]) and with the server ([`uplink`]), and keeps on disk what is not committed yet
//! ([`spool`]). When a keeper has ended, the worker buries what is left ([`death`]) and delivers the rest of the spool.

// The machine: one worker.
pub mod detect;
pub mod doctor;
pub mod launch_spec;
pub(crate) mod probe;
pub mod worker;

// The directories that sessions work in.
pub mod directories;
pub mod git;

// Life and death of an attempt's processes.
pub mod bundle;
pub mod death;
pub mod keeper;
pub mod ladder;
pub mod marker;
pub mod process;
pub mod rundir;

// The runner, and what leads from its agent to its server.
pub mod acp;
pub mod batch;
pub(crate) mod quirks;
pub mod redact;
pub mod runner;
pub mod spool;
pub mod terminal;

// The way to the server, for worker and runner.
pub mod dial;
pub mod uplink;
