//! Shows that each kind of illegal arrow is found, and that the legal ones are not.

use std::path::PathBuf;

use super::*;
use crate::workspace::Dependency;

fn package(name: &str, folder: &str, dependencies: &[(&str, Option<&str>)]) -> Package {
    Package {
        name: name.to_owned(),
        manifest_path: PathBuf::from("/repo").join(folder).join("Cargo.toml"),
        dependencies: dependencies
            .iter()
            .map(|(name, kind)| Dependency { name: (*name).to_owned(), kind: kind.map(str::to_owned) })
            .collect(),
    }
}

fn findings(package: Package) -> Vec<String> {
    check_manifests(&Workspace { root: PathBuf::from("/repo"), packages: vec![package] })
}

#[test]
fn illegal_arrow_fails() {
    let found = findings(package("convene-host", "crates/host", &[("convene-core", None), ("convene-store", None)]));
    assert_eq!(found, ["convene-host may not depend on convene-store"]);
}

#[test]
fn legal_arrows_and_dev_dependencies_pass() {
    let found = findings(package(
        "convene-engine",
        "crates/engine",
        &[
            ("convene-core", None),
            ("convene-store", None),
            ("tokio", None),
            ("convene-testkit", Some("dev")),
            ("convene-server", Some("dev")),
        ],
    ));
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn testkit_outside_tests_fails() {
    let found = findings(package("convene", "crates/cli", &[("convene-testkit", None)]));
    assert_eq!(found, ["convene: convene-testkit is for tests only"]);
}

#[test]
fn foreign_crates_stay_in_their_rooms() {
    let found =
        findings(package("convene-core", "crates/core", &[("rusqlite", None), ("tokio", None), ("serde", None)]));
    assert_eq!(found, ["convene-core: rusqlite stays in convene-store", "convene-core does without tokio"]);
}

#[test]
fn unknown_and_misplaced_crates_fail() {
    let found = findings(package("convene-utils", "crates/utils", &[]));
    assert_eq!(found, ["convene-utils is no room of the architecture"]);
    let found = findings(package("convene-core", "crates/kernel", &[]));
    assert_eq!(found, ["convene-core belongs in crates/core"]);
}

#[test]
fn use_of_a_forbidden_crate_in_the_source_fails() {
    let text = "//! A door, not unlike convene_store.\n\nuse convene_core::x;\nuse convene_store::Store;\n";
    let found = check_source("crates/server/src/door.rs", text);
    assert_eq!(found, ["crates/server/src/door.rs:4: convene-server may not use convene_store"]);
    assert!(check_source("crates/server/src/door_tests.rs", text).is_empty());
    assert!(check_source("crates/server/tests/door.rs", text).is_empty());
    assert!(check_source("crates/cli/src/door.rs", text).is_empty());
}

#[test]
fn table_of_rooms_names_only_rooms() {
    for room in ROOMS {
        for name in room.may {
            assert!(ROOMS.iter().any(|other| other.package == *name), "{name}");
            assert_ne!(room.package, *name);
        }
    }
}
