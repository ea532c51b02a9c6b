//! Where requests may come from: names in `Host`, and origins of browsers.

use std::{collections::HashSet, net::IpAddr};

use axum::http::{HeaderMap, Uri, header};
use convene_api::problem::{Code, Problem};

use crate::listen::Peer;

/// The allow-lists. A page of somebody else must neither reach the server under a name of its own (DNS rebinding) nor
/// send it requests (forgery), with or without a token.
#[derive(Debug, Clone)]
pub struct Origins {
    hosts: HashSet<String>,
    origins: HashSet<String>,
    /// Whether a proxy speaks TLS to the browser.
    tls: bool,
}

impl Origins {
    /// The lists of a server that listens on an address.
    pub fn new(bind: IpAddr, origins: &[String], trust_proxy: bool) -> Self {
        let mut hosts: HashSet<String> = ["localhost", "127.0.0.1", "[::1]"].into_iter().map(str::to_owned).collect();
        // The unspecified address is a place to listen on, not a name to be called by.
        if !bind.is_unspecified() {
            hosts.insert(match bind {
                IpAddr::V4(ip) => ip.to_string(),
                IpAddr::V6(ip) => format!("[{ip}]"),
            });
        }
        let origins: HashSet<String> = origins.iter().map(|o| o.trim_end_matches('/').to_ascii_lowercase()).collect();
        hosts.extend(origins.iter().filter_map(|o| o.split_once("://")).map(|(_, host)| without_port(host).to_owned()));
        Self { hosts, origins, tls: trust_proxy }
    }

    /// Checks the name in the request line, where one that was written for a proxy has it: it goes before `Host`.
    ///
    /// # Errors
    /// `origin_denied`, naming it.
    pub fn check_target(&self, peer: Peer, target: &Uri) -> Result<(), Problem> {
        match target.authority() {
            Some(named) if matches!(peer, Peer::Tcp { .. }) && !self.hosts.contains(&name_of(named.as_str())) => {
                Err(denied(named.as_str()))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Checks `Host`, `Origin` and what browsers say about the page that asks. No name leads a browser to the unix
    /// socket, so there `Host` may be anything.
    ///
    /// # Errors
    /// `origin_denied`, naming what was wrong.
    pub fn check(&self, peer: Peer, headers: &HeaderMap) -> Result<(), Problem> {
        let host = one(headers, header::HOST.as_str())?.unwrap_or_default();
        if matches!(peer, Peer::Tcp { .. }) && !self.hosts.contains(&name_of(&host)) {
            return Err(denied(if host.is_empty() { "no host" } else { &host }));
        }
        if let Some(origin) = one(headers, header::ORIGIN.as_str())? {
            let own = origin.strip_prefix("http://") == Some(&host)
                || (self.tls && origin.strip_prefix("https://") == Some(&host));
            if !own && !self.origins.contains(&origin) {
                return Err(denied(&origin));
            }
            return Ok(());
        }
        // Browsers leave `Origin` out of simple reads, but say whether another page asks for them.
        match one(headers, "sec-fetch-site")?.as_deref() {
            None | Some("same-origin" | "none") => Ok(()),
            Some(site) => Err(denied(&format!("another page ({site})"))),
        }
    }
}

/// The value of a header that may come once.
fn one(headers: &HeaderMap, name: &str) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(name).iter();
    let value = match values.next() {
        Some(value) => value.to_str().map_err(|_| denied("an unreadable place"))?.to_ascii_lowercase(),
        None => return Ok(None),
    };
    if values.next().is_some() { Err(denied("two places at once")) } else { Ok(Some(value)) }
}

fn denied(origin: &str) -> Problem {
    Problem::filled(Code::OriginDenied, [("origin", origin.into())])
}

fn name_of(host: &str) -> String {
    without_port(host).to_ascii_lowercase()
}

/// A host without its port; IPv6 addresses keep their brackets.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') && port.bytes().all(|b| b.is_ascii_digit()) => name,
        Some(_) | None => host,
    }
}
