//! `convene runner`: keeper and runner of one attempt. Called before the process has a second thread.

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

use crate::{config::LogFormat, logging, roles};

/// Runs it; workers give the arguments.
pub fn main(args: Vec<OsString>) -> ExitCode {
    let [flag, run_dir] = args.as_slice() else { return by_hand() };
    if flag != "--run-dir" {
        return by_hand();
    }
    let json = std::env::var("CONVENE_LOG_FORMAT").is_ok_and(|format| format == "json");
    let level = std::env::var("CONVENE_LOG").unwrap_or_else(|_| "info".to_owned());
    logging::begin(if json { LogFormat::Json } else { LogFormat::Text }, &level);
    let run_dir = PathBuf::from(run_dir);
    // `run/<session>/<attempt>` in the data directory, which outlives it.
    if let Some(data_dir) = run_dir.ancestors().nth(3) {
        convene_server::incident::catch_panics(data_dir, "runner");
    }
    match roles::runner(&run_dir) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "the attempt could not begin");
            ExitCode::from(convene_api::exit::FAILED)
        }
    }
}

fn by_hand() -> ExitCode {
    eprintln!("convene runner is started by workers, with --run-dir; what you want may be: convene run \"...\"");
    ExitCode::from(convene_api::exit::USAGE)
}
