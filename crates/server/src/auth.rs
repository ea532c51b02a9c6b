//! Who may come in, and what they may do: keys on disk, tokens, login links, scopes, and the guard before every route.

mod files;
mod guard;
mod lease;
mod logged_out;
mod login;
mod origin;
mod scope;
mod seal;
mod token;
mod usage;

pub use files::{Keys, random_hex};
pub use guard::{CalledFrom, guard};
pub use lease::{Lease, lease};
pub use logged_out::LoggedOut;
pub use login::{LinkState, LoginLinks};
pub use origin::Origins;
pub use scope::{Caller, Level, Scope};
pub use token::Presented;
pub use usage::{Usage, keep_usage};
