//! Which program listens on an address of this machine.

use std::net::SocketAddr;

/// A program that listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its process; none if it is another user's.
    pub pid: Option<i32>,
    /// Its name.
    pub name: Option<String>,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.name, self.pid) {
            (Some(name), Some(pid)) => write!(f, "{name} (pid {pid})"),
            (None, Some(pid)) => write!(f, "pid {pid}"),
            (_, None) => f.write_str("another program"),
        }
    }
}

/// Who listens on an address; none if nobody does, or the system does not tell.
#[cfg(target_os = "linux")]
pub fn holder(addr: SocketAddr) -> Option<Holder> {
    let inode = linux::listening_socket(addr)?;
    Some(linux::owner(inode).unwrap_or(Holder { pid: None, name: None }))
}

/// Who listens on an address; this system does not tell.
#[cfg(not(target_os = "linux"))]
pub fn holder(_addr: SocketAddr) -> Option<Holder> {
    None
}

#[cfg(target_os = "linux")]
mod linux {
    use std::{
        fs,
        net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    };

    use super::Holder;

    /// The state of a socket that listens, as `/proc/net/tcp` writes it.
    const LISTEN: &str = "0A";

    /// The inode of the socket that takes connections to an address.
    pub(super) fn listening_socket(addr: SocketAddr) -> Option<u64> {
        ["/proc/net/tcp", "/proc/net/tcp6"]
            .iter()
            .filter_map(|table| fs::read_to_string(table).ok())
            .find_map(|table| table.lines().skip(1).find_map(|line| listens(line, addr)))
    }

    /// `  0: 0100007F:128B 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000  0 31337 …`
    pub(super) fn listens(line: &str, wanted: SocketAddr) -> Option<u64> {
        let mut words = line.split_ascii_whitespace();
        let local = address(words.nth(1)?)?;
        if words.nth(1)? != LISTEN || local.port() != wanted.port() {
            return None;
        }
        let everywhere = local.ip().is_unspecified() || wanted.ip().is_unspecified();
        (everywhere || local.ip() == wanted.ip()).then(|| words.nth(5)?.parse().ok())?
    }

    fn address(text: &str) -> Option<SocketAddr> {
        let (ip, port) = text.split_once(':')?;
        let port = u16::from_str_radix(port, 16).ok()?;
        // Words of 32 bits in the machine's own order, each in hexadecimal.
        let mut bytes = Vec::new();
        for at in (0..ip.len()).step_by(8) {
            bytes.extend(u32::from_str_radix(ip.get(at..at + 8)?, 16).ok()?.to_ne_bytes());
        }
        let ip = match bytes.len() {
            4 => IpAddr::from(<[u8; 4]>::try_from(bytes).ok().map(Ipv4Addr::from)?),
            16 => {
                let ip = Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?);
                ip.to_ipv4_mapped().map_or(IpAddr::V6(ip), IpAddr::V4)
            }
            _ => return None,
        };
        Some(SocketAddr::new(ip, port))
    }

    /// The process that has a socket open.
    pub(super) fn owner(inode: u64) -> Option<Holder> {
        let wanted = format!("socket:[{inode}]");
        let pids =
            fs::read_dir("/proc").ok()?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
        for pid in pids {
            let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else { continue };
            let has = descriptors
                .filter_map(Result::ok)
                .any(|entry| fs::read_link(entry.path()).is_ok_and(|link| link.as_os_str() == wanted.as_str()));
            if has {
                return Some(Holder { pid: Some(pid), name: name(pid) });
            }
        }
        None
    }

    /// What a process calls itself, else what it was started from.
    fn name(pid: i32) -> Option<String> {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let first = String::from_utf8_lossy(line.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned();
        let called = first.rsplit('/').next().unwrap_or_default().split(' ').next().unwrap_or_default().to_owned();
        let comm = || fs::read_to_string(format!("/proc/{pid}/comm")).ok().map(|name| name.trim().to_owned());
        if called.is_empty() || called == "exe" { comm() } else { Some(called) }
    }
}
