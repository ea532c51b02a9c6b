//! Variables that make agents behave in another way than their user thinks, and tokens where everybody can read them.

use std::env;

use convene_api::doctor::{Finding, FindingCode};

/// Variables of proxies, either way of spelling them.
const PROXIES: [&str; 6] = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"];

/// Variables of this process that agents inherit and that change what they do. Values are not told: proxies have
/// passwords in them.
pub fn interferes() -> Vec<Finding> {
    let get = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    found(get)
}

pub(super) fn found(get: impl Fn(&str) -> Option<String>) -> Vec<Finding> {
    let mut found = Vec::new();
    let told = |name: &str, summary: String, fix: &str| {
        Finding::new(FindingCode::EnvInterferes, summary, fix).with("variable", name)
    };
    let exceptions = get("NO_PROXY").or_else(|| get("no_proxy")).unwrap_or_default();
    let excepted = exceptions.split(',').any(|host| matches!(host.trim(), "*" | "localhost" | "127.0.0.1"));
    if let Some(proxy) = PROXIES.iter().find(|name| get(name).is_some())
        && !excepted
    {
        let summary = format!("{proxy} is set, and NO_PROXY does not except loopback: agents may miss local servers");
        found.push(told(proxy, summary, "export NO_PROXY=127.0.0.1,localhost"));
    }
    for (name, why) in [
        ("NODE_OPTIONS", "every agent that is a node program takes its options from it"),
        ("IS_SANDBOX", "some agents drop their own guards because of it"),
    ] {
        if get(name).is_some() {
            found.push(told(name, format!("{name} is set: {why}"), &format!("unset {name}")));
        }
    }
    found
}

/// Workers that were started with their token among the arguments.
#[cfg(target_os = "linux")]
pub fn token_in_argv() -> Vec<Finding> {
    let Ok(pids) = crate::process::pids() else { return Vec::new() };
    pids.filter_map(|pid| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
        has_token(&words).then(|| {
            let summary =
                format!("the worker with pid {pid} has its token among its arguments, for every user to read");
            let fix = "start it with CONVENE_TOKEN or --token-file, and revoke the token: convene token revoke";
            Finding::new(FindingCode::TokenInArgv, summary, fix).with("pid", pid)
        })
    })
    .collect()
}

/// Workers that were started with their token among the arguments: not asked on this system.
#[cfg(not(target_os = "linux"))]
pub fn token_in_argv() -> Vec<Finding> {
    Vec::new()
}

/// Whether arguments are those of a worker with `--token`.
#[cfg(target_os = "linux")]
pub(super) fn has_token(words: &[&[u8]]) -> bool {
    let [program, rest @ ..] = words else { return false };
    let is_ours = program.rsplit(|byte| *byte == b'/').next() == Some(b"convene");
    is_ours
        && rest.contains(&b"worker".as_slice())
        && rest.iter().any(|word| *word == b"--token" || word.starts_with(b"--token="))
}
