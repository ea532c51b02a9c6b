//! The log of a role: on standard error, for people or as JSON lines. The commands of people print no log.

use tracing_subscriber::{EnvFilter, fmt};

use crate::config::LogFormat;

/// Begins the log of this process. `level` is a filter such as `info` or `convene_engine=debug`; a filter that cannot be
/// read logs warnings.
pub fn begin(format: LogFormat, level: &str) {
    let filter = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("warn"));
    let log = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(true);
    // The log is a file where a disk is full, and what cannot be written there is lost: complaining about it on the same
    // stream is a panic, of the process that has the disk to survive.
    let log = log.log_internal_errors(false);
    // A second beginning in one process is of no harm: the first stays.
    let _again = match format {
        LogFormat::Text => log.with_ansi(false).try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
}
