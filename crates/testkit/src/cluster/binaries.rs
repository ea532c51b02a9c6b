//! Finds the fake agent beside the binary under test, and has it built where it is not there.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// The fake agent. Tests of another crate do not have it built by themselves, so that the first one may build it.
pub fn fake_agent(convene: &Path) -> PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        let directory = convene.parent().unwrap_or_else(|| panic!("{} is in no directory", convene.display()));
        let path = directory.join("fake-agent");
        if !path.exists() {
            build(directory);
        }
        assert!(path.exists(), "{} was not built", path.display());
        path
    })
    .clone()
}

/// Builds into the same target directory and profile; cargo's own lock keeps several tests from doing so at once.
fn build(directory: &Path) {
    let target = directory.parent().unwrap_or(directory);
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).arg("build").arg("--target-dir").arg(target);
    cargo.args(["-p", "convene-testkit", "--bin", "fake-agent"]);
    if directory.ends_with("release") {
        cargo.arg("--release");
    }
    let output = cargo.output().unwrap_or_else(|error| panic!("cannot run cargo: {error}"));
    assert!(output.status.success(), "the fake agent does not build: {}", String::from_utf8_lossy(&output.stderr));
}
