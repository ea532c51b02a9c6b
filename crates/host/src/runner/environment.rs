//! What an agent finds in its environment: an allow-list, what its catalogue entry and the session's spec name, and who
//! it is.

use std::{collections::BTreeMap, ffi::OsString};

use convene_core::spec::SessionSpec;

use crate::{death::may_reach_agents, launch_spec::RunnerConfig, marker};

/// The environment of the agent of an attempt.
pub(super) fn of_agent(config: &RunnerConfig, spec: &SessionSpec) -> BTreeMap<OsString, OsString> {
    let mut found: BTreeMap<OsString, OsString> =
        std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(may_reach_agents)).collect();
    found.extend(config.agent.env.iter().map(|(name, value)| (name.into(), value.into())));
    found.extend(spec.env.iter().map(|(name, value)| (name.into(), value.into())));
    let attempt = marker::environment(&config.session.to_string(), config.attempt);
    found.extend(attempt.map(|(name, value)| (name.into(), value.into())));
    found.insert("CONVENE_THREAD_ID".into(), config.thread.to_string().into());
    found.insert("CONVENE_AGENT".into(), config.agent.name.clone().into());
    found
}
