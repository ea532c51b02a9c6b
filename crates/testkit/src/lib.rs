//! Parts for tests: a cluster of real processes, a fake agent (a binary), a store that fails by plan, a disk that does.

pub mod cluster;
pub mod fault_store;
pub mod faults;
pub mod fuzz;
pub mod sim;
pub mod terminal;
