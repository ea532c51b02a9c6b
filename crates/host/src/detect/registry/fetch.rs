//! Fetches a registry from a URL into a file, bounded in time and size.

use std::{io::Read as _, path::Path, time::Duration};

use ureq::{
    Agent,
    tls::{RootCerts, TlsConfig},
};

use super::Error;

/// The largest registry, in bytes; the public one has some 100 KB.
pub(super) const LARGEST: u64 = 8 << 20;
/// How long fetching may take in all.
const PATIENCE: Duration = Duration::from_secs(20);

/// Fetches what is at the URL and, if it is a registry, puts it in the file's place as a whole. Blocks.
pub(super) fn fetch(url: &str, copy: &Path) -> Result<(), Error> {
    let unreachable = |why: String| Error::Unreachable { url: url.to_owned(), why };
    // Whom the machine trusts is trusted here.
    let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
    let config = Agent::config_builder().timeout_global(Some(PATIENCE)).max_redirects(5).tls_config(tls).build();
    let agent: Agent = config.into();
    let mut response = agent.get(url).call().map_err(|error| unreachable(error.to_string()))?;
    let mut text = Vec::new();
    let body = response.body_mut().as_reader();
    body.take(LARGEST + 1).read_to_end(&mut text).map_err(|error| unreachable(error.to_string()))?;
    let size = u64::try_from(text.len()).unwrap_or(u64::MAX);
    if size > LARGEST {
        return Err(unreachable(format!("it is larger than {LARGEST} bytes")));
    }
    super::check(&text, url)?;
    let write = || -> std::io::Result<()> {
        if let Some(directory) = copy.parent() {
            std::fs::create_dir_all(directory)?;
        }
        let draft = copy.with_extension("new");
        std::fs::write(&draft, &text)?;
        std::fs::rename(&draft, copy)
    };
    write().map_err(|error| unreachable(format!("it cannot be kept in {}: {error}", copy.display())))
}
