//! Who may come in, and what they may do: keys on disk, tokens, login links, scopes, and the guard before every route.

mod files;
mod guard;
mod login;
mod origin;
mod scope;
mod token;

pub use files::{Keys, random_hex};
pub use guard::{check, guard};
pub use login::{LinkState, LoginLinks};
pub use origin::Origins;
pub use scope::{Caller, Scope};
