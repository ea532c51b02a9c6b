//! `/v1/sessions`

pub mod archive;
pub mod authenticate;
pub mod cancel;
pub mod changes;
pub mod clear;
pub mod create;
pub mod delete;
pub mod elicitations;
pub mod events;
pub mod export;
pub mod fork;
pub mod get;
mod given;
pub mod health;
pub mod hibernate;
pub mod history;
pub mod list;
pub mod patch;
pub mod permissions;
pub mod prompts;
pub mod queue;
pub mod resume;
pub mod search;
pub mod spec;
pub mod stop;
pub mod worktree;
