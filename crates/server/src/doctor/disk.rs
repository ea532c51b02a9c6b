//! The disk under a data directory: what kind it is, how much is free, whether and how fast it writes.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::Path,
    time::{Duration, Instant},
};

use convene_api::doctor::{Finding, FindingCode, Severity};

use super::nearest_existing;
use crate::extract::size;

/// Less is a warning.
const LITTLE: u64 = 2_000_000_000;
/// Less is an error.
const NEARLY_NONE: u64 = 200_000_000;
/// Worktrees that take more are told.
const WORKTREES: u64 = 20_000_000_000;
/// Synced appends of a probe.
const APPENDS: usize = 20;
/// The median of a probe's appends above which it is told.
const SLOW: Duration = Duration::from_millis(20);
/// A probe is given up after so long; what it has seen by then is enough.
const PROBE_MAX: Duration = Duration::from_millis(1500);

/// File systems that are somewhere else, by the number that the kernel gives them.
#[cfg(target_os = "linux")]
const REMOTE: [(u64, &str); 7] = [
    (0x6969, "NFS"),
    (0x517b, "SMB"),
    (0xff53_4d42, "SMB"),
    (0xfe53_4d42, "SMB"),
    (0x0102_1997, "9p"),
    (0x00c3_6400, "Ceph"),
    (0x5346_414f, "AFS"),
];

/// Whether the file system is on this machine.
#[cfg(target_os = "linux")]
pub fn file_system(dir: &Path) -> Vec<Finding> {
    let dir = nearest_existing(dir);
    let Ok(fs) = rustix::fs::statfs(dir) else { return Vec::new() };
    // Its type differs from system to system.
    let kind = u64::try_from(fs.f_type).unwrap_or(0) & 0xffff_ffff;
    let Some((_, name)) = REMOTE.iter().find(|(magic, _)| *magic == kind) else { return Vec::new() };
    let summary = format!("{} is on {name}, where file locks are not reliable", dir.display());
    let fix = "set CONVENE_DATA_DIR to a directory on a local disk, and move what is there";
    vec![Finding::new(FindingCode::DataDirNetwork, summary, fix).with("file_system", *name)]
}

/// Whether the file system is on this machine: not asked on this system.
#[cfg(not(target_os = "linux"))]
pub fn file_system(_dir: &Path) -> Vec<Finding> {
    Vec::new()
}

/// How much is free.
pub fn space(dir: &Path) -> Vec<Finding> {
    let Ok(fs) = rustix::fs::statvfs(nearest_existing(dir)) else { return Vec::new() };
    let free = fs.f_bavail.saturating_mul(fs.f_frsize);
    if free >= LITTLE {
        return Vec::new();
    }
    let severity = if free < NEARLY_NONE { Severity::Error } else { Severity::Warning };
    let summary = format!("{} free under the data directory", size(free));
    let fix = "convene rm what is not needed any more: convene rm -y $(convene ls -q --archived)";
    let found = Finding::new(FindingCode::DiskLow, summary, fix).severity(severity);
    vec![found.with("free_bytes", free).with("path", dir.display().to_string())]
}

/// How much the worktrees of sessions take, as far as there is time to add it up.
pub fn worktrees(dir: &Path) -> Vec<Finding> {
    let started = Instant::now();
    let mut left = vec![dir.join("worktrees")];
    let mut bytes: u64 = 0;
    while let Some(next) = left.pop() {
        for entry in fs::read_dir(next).into_iter().flatten().filter_map(Result::ok) {
            // What is on the disk; links are not followed.
            let Ok(meta) = entry.metadata() else { continue };
            bytes += meta.blocks() * 512;
            if meta.is_dir() {
                left.push(entry.path());
            }
        }
        if bytes > WORKTREES || started.elapsed() > PROBE_MAX {
            break;
        }
    }
    if bytes <= WORKTREES {
        return Vec::new();
    }
    let summary = format!("worktrees of sessions take more than {}", size(WORKTREES));
    let fix = "convene rm sessions whose worktrees are not needed: convene ls --archived";
    vec![
        Finding::new(FindingCode::WorktreesLarge, summary, fix)
            .with("path", dir.join("worktrees").display().to_string()),
    ]
}

/// Whether a probe file can be made, and how long its synced appends take.
pub fn writing(dir: &Path) -> Vec<Finding> {
    if !dir.is_dir() {
        return Vec::new();
    }
    let probe = dir.join(format!(".doctor-{}-{:?}", std::process::id(), std::thread::current().id()));
    let appended = append(&probe);
    // It may never have been made.
    let _ = fs::remove_file(&probe);
    match appended {
        Err(error) => {
            let summary = format!("cannot write in {}: {error}", dir.display());
            let fix = format!("make it writable: chmod u+w {}", dir.display());
            vec![Finding::new(FindingCode::DataDirReadonly, summary, fix).with("cause", error.to_string())]
        }
        Ok(mut times) => {
            times.sort_unstable();
            let median = times.get(times.len() / 2).copied().unwrap_or_default();
            if median <= SLOW {
                return Vec::new();
            }
            let ms = median.as_millis();
            let summary = format!("a synced write takes {ms} ms under the data directory");
            let fix = "set CONVENE_DATA_DIR to a directory on a faster disk: every command waits for one write";
            let ms = u64::try_from(ms).unwrap_or(u64::MAX);
            vec![Finding::new(FindingCode::FsyncSlow, summary, fix).with("p50_ms", ms)]
        }
    }
}

fn append(probe: &Path) -> io::Result<Vec<Duration>> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(probe)?;
    let started = Instant::now();
    let mut times = Vec::with_capacity(APPENDS);
    while times.len() < APPENDS && started.elapsed() < PROBE_MAX {
        let one = Instant::now();
        file.write_all(&[b'.'; 512])?;
        file.sync_data()?;
        times.push(one.elapsed());
    }
    Ok(times)
}
