//! What a session looks like in a terminal and in a pipe: events in, text out; nothing here reads or writes.

pub mod clean;
pub mod diff;
pub mod facts;
pub mod markdown;
pub mod piped;
pub mod question;
pub mod screen;
pub mod style;
pub mod tool;
pub mod transcript;
pub mod words;
