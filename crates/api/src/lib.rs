//! The wire: bodies, frames and problems, the same types on both sides.

pub mod exit;
pub mod problem;
