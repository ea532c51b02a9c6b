//! Shows that the harness measures: every benchmark runs on the programs as they are built for tests, with the smallest
//! sizes, and produces its figures. What they are is not looked at.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// The product beside the bench; built where it is not there yet, as the test kit does it with the fake agent.
fn programs() -> PathBuf {
    let bench = Path::new(env!("CARGO_BIN_EXE_convene-bench"));
    let directory = bench.parent().unwrap();
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).arg("build").arg("--target-dir").arg(directory.parent().unwrap());
    cargo.args(["-p", "convene", "-p", "convene-testkit", "--bins"]);
    if !directory.join("convene").exists() || !directory.join("fake-agent").exists() {
        assert!(cargo.status().unwrap().success(), "the programs do not build");
    }
    directory.to_owned()
}

fn figures(name: &str) -> Vec<Value> {
    programs();
    let json = tempfile::NamedTempFile::new().unwrap();
    let mut bench = Command::new(env!("CARGO_BIN_EXE_convene-bench"));
    bench.args([name, "--smoke", "--json"]).arg(json.path());
    let output = bench.output().unwrap();
    let (told, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}{wrong}");
    let reports: Value = serde_json::from_slice(&std::fs::read(json.path()).unwrap()).unwrap();
    assert_eq!(reports[0]["benchmark"], name);
    assert!(told.contains("median (min–max)"), "{told}");
    reports[0]["figures"].as_array().unwrap().clone()
}

fn named<'a>(figures: &'a [Value], name: &str) -> &'a Value {
    figures.iter().find(|f| f["name"] == name).unwrap_or_else(|| panic!("no {name:?} in {figures:#?}"))
}

#[test]
fn create_is_measured_against_its_floor() {
    let figures = figures("create");
    let p50 = named(&figures, "serial: p50");
    assert!(p50["ratio"]["median"].as_f64().unwrap() > 0.0, "{p50}");
    assert!(p50["met"].is_boolean(), "{p50}");
    assert!(named(&figures, "32 at once: CPU")["ours"]["median"].as_f64().unwrap() > 0.0);
}

#[test]
fn events_are_measured_against_their_floor() {
    let figures = figures("events");
    assert!(named(&figures, "1 agent, 1000/s: p50")["ratio"]["median"].as_f64().unwrap() > 0.0);
    assert!(named(&figures, "1 agent, flat out, unmerged: CPU")["ours"]["median"].as_f64().unwrap() > 0.0);
}

#[test]
fn viewers_miss_nothing() {
    let figures = figures("fanout");
    let faults: Vec<&Value> =
        figures.iter().filter(|f| f["name"].as_str().unwrap().ends_with("gaps and duplicates")).collect();
    assert!(faults.len() >= 2);
    for figure in faults {
        assert_eq!(figure["ours"]["max"], 0.0, "{figure}");
    }
}

#[test]
fn who_catches_up_is_measured_against_the_same_bytes() {
    let figures = figures("catchup");
    for name in ["from memory: rate", "from the store: rate"] {
        assert!(named(&figures, name)["ratio"]["median"].as_f64().unwrap() > 0.0);
    }
}

#[test]
fn neighbors_are_measured_beside_a_flood_and_without() {
    let figures = figures("neighbor");
    assert!(named(&figures, "others, p99")["ratio"]["median"].as_f64().unwrap() > 0.0);
    assert!(named(&figures, "what the flood came to")["ours"]["median"].as_f64().unwrap() > 0.0);
}

#[test]
fn sleeping_sessions_have_no_process() {
    let figures = figures("density");
    assert_eq!(named(&figures, "sleeping sessions")["ours"]["median"], 100.0);
    assert_eq!(named(&figures, "processes of sleeping sessions")["ours"]["max"], 0.0);
}

#[test]
fn a_killed_server_has_everything_again() {
    let figures = figures("recovery");
    assert!(named(&figures, "first correct answer")["ratio"]["median"].as_f64().unwrap() > 0.0);
    assert!(named(&figures, "all runners are there")["ours"]["median"].as_f64().unwrap() > 0.0);
}

#[test]
fn nothing_is_left_of_sessions_that_sleep() {
    let figures = figures("wake");
    assert_eq!(named(&figures, "other processes")["ours"]["max"], 0.0);
    assert!(named(&figures, "until the turn is over")["ratio"]["median"].as_f64().unwrap() > 0.0);
}

#[test]
fn wrong_words_are_refused() {
    for words in [&[][..], &["nothing"], &["create", "--rounds", "0"], &["create", "--json"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_convene-bench")).args(words).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("Usage: cargo xtask bench"));
    }
}
