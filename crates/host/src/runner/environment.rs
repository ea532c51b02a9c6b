//! What an agent finds in its environment: an allow-list, what its catalogue entry and the session's spec name, and who
//! it is.

use std::{collections::BTreeMap, ffi::OsString};

use convene_core::spec::SessionSpec;

use crate::{launch_spec::RunnerConfig, marker};

/// What of the runner's own environment passes.
const PASSED: [&str; 9] = ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "LANG", "TZ", "TERM"];
const PASSED_PREFIXES: [&str; 2] = ["LC_", "XDG_"];

/// The environment of the agent of an attempt.
///
/// # Errors
/// With the name of the reference that leads nowhere.
pub(super) fn of_agent(config: &RunnerConfig, spec: &SessionSpec) -> Result<BTreeMap<OsString, OsString>, String> {
    let is_passed =
        |name: &str| PASSED.contains(&name) || PASSED_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    let mut found: BTreeMap<OsString, OsString> =
        std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(is_passed)).collect();
    found.extend(config.agent.env.iter().map(|(name, value)| (name.into(), value.into())));
    for (name, value) in resolved(config, spec)? {
        found.insert(name.into(), value.into());
    }
    let attempt = marker::environment(&config.session.to_string(), config.attempt);
    found.extend(attempt.map(|(name, value)| (name.into(), value.into())));
    found.insert("CONVENE_THREAD_ID".into(), config.thread.to_string().into());
    found.insert("CONVENE_AGENT".into(), config.agent.name.clone().into());
    Ok(found)
}

/// The session's own variables, with references to the worker's environment resolved.
pub(super) fn resolved(config: &RunnerConfig, spec: &SessionSpec) -> Result<Vec<(String, String)>, String> {
    let resolve = |(name, value): (&String, &String)| {
        let value = match value.strip_prefix("env:") {
            None => value.clone(),
            Some(reference) => {
                let own = || std::env::var(reference).ok();
                config.references.get(reference).cloned().or_else(own).ok_or_else(|| value.clone())?
            }
        };
        Ok((name.clone(), value))
    };
    spec.env.iter().map(resolve).collect()
}
