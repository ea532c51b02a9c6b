//! Where a server is: a unix socket, or an address over plain HTTP.

use std::{fmt, path::PathBuf, str::FromStr};

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// The socket in its data directory.
    Unix(PathBuf),
    /// Host and port; the host of IPv6 without brackets.
    Tcp {
        /// Name or address.
        host: String,
        /// Port.
        port: u16,
    },
}

/// An address that the client cannot use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{url:?} is no address of a server: {why}")]
pub struct BadUrl {
    /// The address.
    pub url: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl Endpoint {
    /// What goes into `Host`.
    pub(super) fn host_header(&self) -> String {
        match self {
            Self::Unix(_) => "localhost".to_owned(),
            Self::Tcp { host, port } if host.contains(':') => format!("[{host}]:{port}"),
            Self::Tcp { host, port } => format!("{host}:{port}"),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "{}", path.display()),
            Self::Tcp { .. } => write!(f, "http://{}", self.host_header()),
        }
    }
}

impl FromStr for Endpoint {
    type Err = BadUrl;

    fn from_str(url: &str) -> Result<Self, BadUrl> {
        let bad = |why| BadUrl { url: url.to_owned(), why };
        if let Some(path) = url.strip_prefix("unix:") {
            return Ok(Self::Unix(PathBuf::from(path.strip_prefix("//").unwrap_or(path))));
        }
        if url.starts_with("https://") {
            return Err(bad("https is not built yet; use a tunnel to its http address"));
        }
        let rest = url.strip_prefix("http://").ok_or_else(|| bad("it begins with neither http:// nor unix:"))?;
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '?', '#', '@']) {
            return Err(bad("it is more than a host and a port"));
        }
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                (host, port.parse().map_err(|_| bad("its port is no number up to 65535"))?)
            }
            _ => (authority, 80),
        };
        let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        if host.is_empty() {
            return Err(bad("it names no host"));
        }
        Ok(Self::Tcp { host: host.to_owned(), port })
    }
}
