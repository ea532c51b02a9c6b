//! testkit

pub mod fault_store;
