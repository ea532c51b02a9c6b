//! A disk that fails at the N-th call, for real processes: a library that tests load into them by `LD_PRELOAD`.
//!
//! It stands before the functions of the C library by which a program changes files (`calls.rs`), counts those that meet
//! files below one directory, and lets the N-th fail in the way that the plan says (`plan.rs`), or kills the process
//! there. A child that clears its environment is given the library all the same (`spawn.rs`). Whatever is not to fail is
//! done by the system call of the same name.
//!
//! What it does not see: system calls that are made without the C library, and pages that are changed in memory. Linux
//! on 64 bits only; elsewhere the library is empty. Nothing links to this crate: whoever did would have its functions in
//! the place of the real ones. `convene_testkit::faults` writes the plan.

#![cfg(all(target_os = "linux", target_pointer_width = "64"))]
#![expect(unsafe_code, reason = "functions of the C library have no safe form")]

mod calls;
mod plan;
mod spawn;
