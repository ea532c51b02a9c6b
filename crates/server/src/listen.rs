//! The two listeners, and who is at the other end of a connection.

use std::{
    fs::{self, Permissions},
    io,
    net::{IpAddr, SocketAddr},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use axum::{
    extract::connect_info::Connected,
    serve::{IncomingStream, Listener},
};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use crate::error::ServeError;

/// Who is at the other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// A process on this machine, over the unix socket; `None` where the system does not tell which.
    Local {
        /// Its id.
        pid: Option<i32>,
    },
    /// Somebody over TCP.
    Tcp {
        /// Where from.
        ip: IpAddr,
    },
}

/// TCP, without Nagle's delay.
pub struct Tcp(pub TcpListener);

/// The socket in the data directory.
pub struct Unix(pub UnixListener);

impl Listener for Tcp {
    type Io = TcpStream;
    type Addr = Peer;

    async fn accept(&mut self) -> (TcpStream, Peer) {
        // The wait after a failure such as "too many open files" is in there.
        let (stream, from) = Listener::accept(&mut self.0).await;
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(error = %error, "a connection stays with delayed writes");
        }
        (stream, Peer::Tcp { ip: from.ip().to_canonical() })
    }

    fn local_addr(&self) -> io::Result<Peer> {
        Ok(Peer::Tcp { ip: self.0.local_addr()?.ip() })
    }
}

impl Listener for Unix {
    type Io = UnixStream;
    type Addr = Peer;

    async fn accept(&mut self) -> (UnixStream, Peer) {
        let (stream, _) = Listener::accept(&mut self.0).await;
        let pid = stream.peer_cred().ok().and_then(|cred| cred.pid());
        (stream, Peer::Local { pid })
    }

    fn local_addr(&self) -> io::Result<Peer> {
        Ok(Peer::Local { pid: None })
    }
}

impl Connected<IncomingStream<'_, Tcp>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Tcp>) -> Self {
        *stream.remote_addr()
    }
}

impl Connected<IncomingStream<'_, Unix>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Unix>) -> Self {
        *stream.remote_addr()
    }
}

/// Listens on TCP.
pub async fn tcp(addr: SocketAddr) -> Result<(Tcp, SocketAddr), ServeError> {
    let listener = TcpListener::bind(addr).await.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => ServeError::PortInUse { addr },
        _ => ServeError::Bind { addr, source },
    })?;
    let addr = listener.local_addr().map_err(|source| ServeError::Bind { addr, source })?;
    Ok((Tcp(listener), addr))
}

/// Listens on the unix socket. The caller holds the data directory's lock, so a socket that is there is stale.
pub fn unix(path: &Path) -> Result<Unix, ServeError> {
    match fs::remove_file(path) {
        Ok(()) => tracing::info!(path = %path.display(), "removed the socket of a server that is gone"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(ServeError::files(path)(error)),
    }
    let listener = UnixListener::bind(path).map_err(ServeError::files(path))?;
    // The directory is closed to others already; this is for one that was made with another mode.
    fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(ServeError::files(path))?;
    Ok(Unix(listener))
}
