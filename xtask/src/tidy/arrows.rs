//! The table of arrows: which room may depend on which, checked in manifests and in the source.

use super::code_only::code_only;
use super::files::is_test;
use crate::workspace::{Package, Workspace};

/// A crate of ours and the crates of ours that it may depend on.
struct Room {
    package: &'static str,
    folder: &'static str,
    may: &'static [&'static str],
}

const TESTKIT: &str = "convene-testkit";

/// A tool of developers: nothing of it is in the product.
const BENCH: &str = "convene-bench";

/// What tests preload: nothing links to it.
const FAULT_SHIM: &str = "convene-fault-shim";

const ROOMS: &[Room] = &[
    Room { package: "convene-core", folder: "crates/core", may: &[] },
    Room { package: "convene-agent", folder: "crates/agent", may: &[] },
    Room { package: "convene-mock-llm", folder: "crates/mock-llm", may: &[] },
    Room { package: "convene-api", folder: "crates/api", may: &["convene-core"] },
    Room { package: "convene-store", folder: "crates/store", may: &["convene-core"] },
    Room { package: "convene-engine", folder: "crates/engine", may: &["convene-core", "convene-store"] },
    Room {
        package: "convene-server",
        folder: "crates/server",
        may: &["convene-core", "convene-api", "convene-engine"],
    },
    Room { package: "convene-host", folder: "crates/host", may: &["convene-core", "convene-api"] },
    Room { package: "convene-web", folder: "crates/web", may: &[] },
    Room { package: "convene", folder: "crates/cli", may: &ALL_BUT_TESTKIT },
    Room { package: TESTKIT, folder: "crates/testkit", may: &TESTKIT_MAY },
    Room { package: FAULT_SHIM, folder: "crates/fault-shim", may: &[] },
    Room { package: BENCH, folder: "crates/bench", may: &BENCH_MAY },
    Room { package: "xtask", folder: "xtask", may: &[] },
];

const ALL_BUT_TESTKIT: [&str; 9] = [
    "convene-agent",
    "convene-api",
    "convene-core",
    "convene-engine",
    "convene-host",
    "convene-mock-llm",
    "convene-server",
    "convene-store",
    "convene-web",
];

/// It has what the command line has, and the disk that fails.
const TESTKIT_MAY: [&str; 10] = [
    "convene-agent",
    "convene-api",
    "convene-core",
    "convene-engine",
    FAULT_SHIM,
    "convene-host",
    "convene-mock-llm",
    "convene-server",
    "convene-store",
    "convene-web",
];

/// It drives the product by the parts of tests.
const BENCH_MAY: [&str; 4] = ["convene-api", "convene-core", "convene-store", TESTKIT];

/// Foreign crates that stay inside the rooms named here, so that each can be replaced in one.
const KEPT_IN: &[(&str, &[&str])] = &[
    ("agent-client-protocol", &["convene-host", "convene-agent", TESTKIT]),
    ("axum", &["convene-server", "convene-mock-llm", TESTKIT, BENCH]),
    ("refinery", &["convene-store"]),
    ("rusqlite", &["convene-store"]),
    ("utoipa-axum", &["convene-server"]),
];

/// Foreign crates that a room must not have: the core does no I/O and has no clock, randomness,
/// tasks or logging; the engine has no sockets; the server starts no process.
const KEPT_OUT: &[(&str, &[&str])] = &[
    ("convene-core", &["futures-util", "getrandom", "libc", "rustix", "tokio", "tokio-util", "tracing"]),
    ("convene-engine", &["getrandom", "hyper", "rustix", "tokio-tungstenite"]),
];

/// What is wrong with the dependencies of the workspace.
pub fn check_manifests(workspace: &Workspace) -> Vec<String> {
    let mut findings = Vec::new();
    for package in &workspace.packages {
        let folder = package.folder(&workspace.root);
        let room = ROOMS.iter().find(|room| room.package == package.name);
        match room {
            Some(room) if folder.is_some_and(|folder| folder == room.folder) => {
                findings.extend(check_package(room, package));
            }
            Some(room) => findings.push(format!("{} belongs in {}", package.name, room.folder)),
            None => findings.push(format!("{} is no room of the architecture", package.name)),
        }
    }
    findings
}

fn check_package(room: &Room, package: &Package) -> Vec<String> {
    let mut findings = Vec::new();
    for dependency in &package.dependencies {
        // Tests may drive every door.
        if dependency.kind.as_deref() == Some("dev") {
            continue;
        }
        let name = dependency.name.as_str();
        if name == TESTKIT && !room.may.contains(&TESTKIT) {
            findings.push(format!("{}: {TESTKIT} is for tests only", package.name));
        } else if is_ours(name) && !room.may.contains(&name) {
            findings.push(format!("{} may not depend on {name}", package.name));
        }
        for (foreign, rooms) in KEPT_IN {
            if name == *foreign && !rooms.contains(&room.package) {
                let rooms = rooms.join(", ");
                findings.push(format!("{}: {name} stays in {rooms}", package.name));
            }
        }
        for (kept_clean, foreign) in KEPT_OUT {
            if room.package == *kept_clean && foreign.contains(&name) {
                findings.push(format!("{} does without {name}", package.name));
            }
        }
    }
    findings
}

/// Uses of our crates in a source file that its room may not make.
pub fn check_source(path: &str, text: &str) -> Vec<String> {
    let Some(room) = room_of(path) else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    for (number, line) in code_only(text).lines().enumerate() {
        for word in line.split(|c: char| !c.is_alphanumeric() && c != '_') {
            let name = word.replace('_', "-");
            if name != room.package && is_ours(&name) && !room.may.contains(&name.as_str()) {
                let package = room.package;
                let line = number + 1;
                findings.push(format!("{path}:{line}: {package} may not use {word}"));
            }
        }
    }
    findings
}

fn room_of(path: &str) -> Option<&'static Room> {
    if !path.ends_with(".rs") || is_test(path) {
        return None;
    }
    ROOMS.iter().find(|room| path.strip_prefix(room.folder).is_some_and(|rest| rest.starts_with("/src/")))
}

fn is_ours(name: &str) -> bool {
    name == TESTKIT || name == FAULT_SHIM || ALL_BUT_TESTKIT.contains(&name)
}

#[cfg(test)]
#[path = "arrows_tests.rs"]
mod tests;
