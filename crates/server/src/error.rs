//! Why a server does not start.

use std::{io, net::SocketAddr, path::PathBuf, sync::Arc};

use convene_api::problem::{Code, Problem};
use convene_engine::storage;

/// Why a server does not start, or ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Another server has the data directory.
    #[error("pid {pid} serves this data directory")]
    AlreadyRunning {
        /// Its process; 0 if it did not say.
        pid: u32,
    },
    /// Somebody else listens there.
    #[error("{addr} is taken")]
    PortInUse {
        /// Where.
        addr: SocketAddr,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {addr}")]
    Bind {
        /// Where.
        addr: SocketAddr,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The address is open to the network, and nothing protects it.
    #[error("{addr} is open to the network without TLS")]
    BindRefused {
        /// Where.
        addr: SocketAddr,
    },
    /// A file of the data directory cannot be made, read or written.
    #[error("cannot use {}", path.display())]
    Files {
        /// Which.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The store cannot be opened.
    #[error("cannot open the store")]
    Store(#[source] Arc<storage::Error>),
    /// The engine cannot be started.
    #[error("cannot start the engine")]
    Engine(#[source] convene_engine::Error),
    /// A listener ended.
    #[error("a listener ended")]
    Listener(#[source] io::Error),
}

impl ServeError {
    pub(crate) fn files(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Files { path, source }
    }

    /// The error in the words of the closed list.
    pub fn problem(&self) -> Problem {
        match self {
            // It is starting or ending at this moment.
            Self::AlreadyRunning { pid: 0 } => {
                Problem::new(Code::ServerAlreadyRunning, "another server has this data directory")
                    .hint("try again in a moment; `convene status` says whether it answers")
            }
            Self::AlreadyRunning { pid } => Problem::filled(Code::ServerAlreadyRunning, [("pid", (*pid).into())]),
            Self::PortInUse { addr } => {
                let who = crate::doctor::holder(*addr).map_or_else(|| "another program".to_owned(), |h| h.to_string());
                Problem::filled(Code::PortInUse, [("addr", addr.to_string().into()), ("who", who.into())])
            }
            Self::BindRefused { addr } => Problem::filled(Code::BindRefused, [("addr", addr.to_string().into())]),
            Self::Bind { addr, source } => Problem::new(Code::ServerStartFailed, format!("cannot listen on {addr}"))
                .with("cause", source.to_string()),
            Self::Files { path, source } => files(path, source),
            Self::Store(error) => store(error),
            Self::Engine(convene_engine::Error::Store(error)) => store(error),
            Self::Engine(error) => {
                Problem::new(Code::ServerStartFailed, self.to_string()).with("cause", error.to_string())
            }
            Self::Listener(source) => {
                Problem::new(Code::ServerStartFailed, self.to_string()).with("cause", source.to_string())
            }
        }
    }
}

fn files(path: &std::path::Path, source: &io::Error) -> Problem {
    let what = path.display().to_string();
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Problem::new(Code::StorageFull, format!("the disk under {what} is full")).with("what", what)
        }
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
            Problem::filled(Code::StorageReadonly, [("what", what.into()), ("cause", source.to_string().into())])
        }
        _ => Problem::new(Code::ServerStartFailed, format!("cannot use {what}")).with("cause", source.to_string()),
    }
}

/// A store's failure in the words of the closed list.
pub(crate) fn store(error: &storage::Error) -> Problem {
    let cause = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    match error {
        storage::Error::Newer { found, known } => {
            Problem::filled(Code::DatabaseNewer, [("v", (*found).into()), ("ours", (*known).into())])
        }
        storage::Error::Full { path, .. } => {
            Problem::new(Code::StorageFull, format!("the disk under {} is full", path.display()))
                .hint("free some; sessions wait, nothing is lost")
                .with("cause", cause)
        }
        storage::Error::ReadOnly { path, .. } => Problem::filled(
            Code::StorageReadonly,
            [("what", path.display().to_string().into()), ("cause", cause.into())],
        ),
        storage::Error::InUse { path } => {
            Problem::new(Code::ServerAlreadyRunning, format!("another process has {} open", path.display()))
        }
        storage::Error::Damaged { .. } => Problem::filled(Code::DatabaseDamaged, [("check", error.to_string().into())]),
        storage::Error::Failed { .. } => Problem::filled(Code::StorageFailed, [("cause", cause.into())]),
    }
}
