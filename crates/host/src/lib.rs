//! One machine: launches, runs, keeps and buries the processes of attempts.

pub mod acp;
pub mod batch;
pub mod death;
pub mod keeper;
pub mod launch_spec;
pub mod marker;
pub mod process;
pub mod redact;
pub mod rundir;
pub mod runner;
pub mod spool;
pub mod terminal;
pub mod uplink;
pub mod detect;
pub mod dial;
pub mod worker;
