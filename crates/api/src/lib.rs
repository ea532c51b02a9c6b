//! The wire: bodies, frames and problems, the same types on both sides.

pub mod body;
pub mod client;
pub mod doctor;
pub mod exit;
pub mod frame;
pub mod problem;
pub mod uplink;
