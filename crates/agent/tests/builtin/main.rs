//! The builtin agent through its door: ACP over a pipe.

mod common;
mod script;
mod worker;
