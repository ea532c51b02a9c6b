use std::os::unix::fs::PermissionsExt as _;

use super::*;

fn script(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
    fs::write(&path, text).expect("a file");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a mode");
    path
}

fn recipe() -> Recipe {
    Recipe { version_args: vec!["--version".to_owned()], ..Recipe::default() }
}

#[test]
fn a_version_is_found_in_what_programs_say() {
    let cases = [
        ("v24.21.0\n", Some("24.21.0")),
        ("goose 1.47.0", Some("1.47.0")),
        ("Kimi Code CLI, version 2.1.0-beta.1 (built today)", Some("2.1.0-beta.1")),
        ("agent/3.0.2 linux-x64 node-v24.1.0", Some("3.0.2")),
        ("no version here", None),
        ("", None),
    ];
    for (text, version) in cases {
        assert_eq!(version_in(text).as_deref(), version, "{text:?}");
    }
}

#[test]
fn a_program_is_asked_once_and_again_when_it_is_another() {
    let dir = tempfile::tempdir().expect("a directory");
    let count = dir.path().join("count");
    let text = |version: &str| format!("#!/bin/sh\necho x >> {}\necho agent {version}\n", count.display());
    let program = script(dir.path(), "agent", &text("1.2.3"));
    let versions = Versions::default();
    assert_eq!(versions.of_agent(&recipe(), &program, false), None, "a look runs nothing");
    for _ in 0..3 {
        assert_eq!(versions.of_agent(&recipe(), &program, true).as_deref(), Some("1.2.3"));
    }
    assert_eq!(versions.of_agent(&recipe(), &program, false).as_deref(), Some("1.2.3"), "it is remembered");
    assert_eq!(fs::read_to_string(&count).expect("it ran"), "x\n");
    script(dir.path(), "agent", &text("1.10.0-longer"));
    assert_eq!(versions.of_agent(&recipe(), &program, true).as_deref(), Some("1.10.0-longer"));
    versions.forget();
    assert_eq!(versions.of_agent(&recipe(), &program, true).as_deref(), Some("1.10.0-longer"));
    assert_eq!(fs::read_to_string(&count).expect("it ran"), "x\nx\nx\n");
}

#[test]
fn an_npm_package_tells_its_version_without_being_run() {
    let dir = tempfile::tempdir().expect("a directory");
    let package = dir.path().join("node_modules/@scope/agent");
    let file = script(&package, "dist/index.js", "#!/bin/sh\nexit 9\n");
    fs::write(package.join("package.json"), r#"{"name":"@scope/agent","version":"0.100.0"}"#).expect("a file");
    // A file that only says which kind of modules there are is no package.
    fs::write(package.join("dist/package.json"), r#"{"type":"module"}"#).expect("a file");
    let link = dir.path().join("agent");
    std::os::unix::fs::symlink(&file, &link).expect("a link");
    assert_eq!(Versions::default().of_agent(&Recipe::default(), &link, true).as_deref(), Some("0.100.0"));
}

#[test]
fn what_a_program_leaves_running_does_not_hold_anybody_up() {
    let dir = tempfile::tempdir().expect("a directory");
    let pid = dir.path().join("pid");
    let text = format!("#!/bin/sh\nsleep 600 >/dev/null 2>&1 &\necho $! > {}\necho 4.5.6\n", pid.display());
    let program = script(dir.path(), "agent", &text);
    let since = Instant::now();
    assert_eq!(Versions::default().of_agent(&recipe(), &program, true).as_deref(), Some("4.5.6"));
    assert!(since.elapsed() < PATIENCE, "it took {:?}", since.elapsed());
    let left: i32 = fs::read_to_string(&pid).expect("it ran").trim().parse().expect("a pid");
    let is_over = || crate::process::list().expect("a table").iter().all(|p| p.pid != left || p.over);
    while !is_over() {
        assert!(since.elapsed() < PATIENCE, "{left} is alive");
    }
}
