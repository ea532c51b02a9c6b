//! One machine: launches, runs, keeps and buries the processes of attempts.

pub mod death;
pub mod keeper;
pub mod marker;
pub mod process;
pub mod rundir;
