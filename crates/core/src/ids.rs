//! Identifiers: a prefix that names the kind and a UUIDv7, so that they sort by creation.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

/// A text that is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an id that begins with {prefix:?}")]
pub struct IdError {
    /// The prefix that was expected.
    pub prefix: &'static str,
    /// The text that was given.
    pub text: String,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// The letters before the UUID.
            pub const PREFIX: &'static str = $prefix;

            /// Wraps a UUID; callers take it from their id source.
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID without its prefix.
            pub const fn uuid(self) -> Uuid {
                self.0
            }

            /// The last six characters, which people type.
            pub fn short(self) -> String {
                let text = self.0.simple().to_string();
                text[text.len() - 6..].to_owned()
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .pattern(Some(concat!("^", $prefix, "[0-9a-f]{32}$")))
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
        }

        impl $name {
            /// Its text without an allocation: ids are in every event that is written.
            fn with_text<T>(self, then: impl FnOnce(&str) -> T) -> T {
                const START: usize = $prefix.len();
                let mut text = [0; START + uuid::fmt::Simple::LENGTH];
                text[..START].copy_from_slice($prefix.as_bytes());
                self.0.simple().encode_lower(&mut text[START..]);
                then(std::str::from_utf8(&text).unwrap_or_default())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.with_text(|text| f.pad(text))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let error = || IdError { prefix: $prefix, text: text.to_owned() };
                let hex = text.strip_prefix($prefix).ok_or_else(error)?;
                // `Uuid::parse_str` also takes braces and dashes; an id has one spelling only.
                if hex.len() != 32 || !hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
                    return Err(error());
                }
                Uuid::parse_str(hex).map(Self).map_err(|_| error())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.with_text(|text| serializer.serialize_str(text))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl de::Visitor<'_> for Text {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        write!(f, "an id that begins with {:?}", $prefix)
                    }

                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(de::Error::custom)
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }
    };
}

id!(
    /// A session: one supervised agent conversation.
    SessionId, "ses_"
);
id!(
    /// A thread: a person's piece of work, owner of sessions.
    ThreadId, "thr_"
);
id!(
    /// A turn, from one prompt to the agent's stop reason; also the id of its queue entry.
    TurnId, "trn_"
);
id!(
    /// A permission request; unique over attempts, unlike the agent's JSON-RPC ids.
    PermissionId, "prm_"
);
id!(
    /// An elicitation: a question of the agent that is no permission request.
    ElicitationId, "elc_"
);
id!(
    /// A message: one run of text of one author on one channel.
    MessageId, "msg_"
);
id!(
    /// One process of a runner; the first instance of an attempt to say hello wins.
    InstanceId, "ins_"
);
id!(
    /// An API token's public name.
    TokenId, "tok_"
);

/// The name of a worker, unique on a server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
#[schema(value_type = String)]
pub struct WorkerName(pub std::sync::Arc<str>);

impl WorkerName {
    /// Wraps a name.
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }
}

impl fmt::Display for WorkerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
#[path = "ids_tests.rs"]
mod ids_tests;
