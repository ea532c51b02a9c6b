use std::{
    fs,
    net::TcpListener,
    os::unix::{fs::PermissionsExt as _, net::UnixListener},
};

use convene_api::doctor::{self, DoctorReport, LIMIT, Severity};

use super::*;

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn data_dir() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    mode(dir.path(), 0o700);
    dir
}

/// What the checks find of a directory, without what is the machine's.
fn report(dir: &Path) -> DoctorReport {
    let mut report = doctor::run(checks(dir), LIMIT);
    report.items.retain(|f| !matches!(f.code, FindingCode::DiskLow | FindingCode::FsyncSlow));
    report
}

fn codes(report: &DoctorReport) -> Vec<&str> {
    report.items.iter().map(|f| f.code.as_str()).collect()
}

#[test]
fn a_directory_that_is_not_there_has_nothing_wrong_and_is_not_made() {
    let home = data_dir();
    let dir = home.path().join("none/yet");
    assert_eq!(codes(&report(&dir)), [""; 0]);
    assert!(!dir.exists());
}

#[test]
fn what_others_may_reach_is_found_and_closed() {
    let home = data_dir();
    let dir = home.path();
    fs::create_dir(dir.join("auth")).unwrap();
    fs::write(dir.join("auth/token"), "cvo_canary").unwrap();
    let _socket = UnixListener::bind(dir.join("server.sock")).unwrap();
    for (name, bits) in [("auth", 0o700), ("auth/token", 0o600), ("server.sock", 0o600)] {
        mode(&dir.join(name), bits);
    }
    assert_eq!(codes(&report(dir)), [""; 0]);
    for (name, bits) in [("", 0o755), ("auth", 0o755), ("auth/token", 0o644), ("server.sock", 0o666)] {
        mode(&dir.join(name), bits);
    }
    let found = report(dir);
    assert_eq!(codes(&found), ["socket_open", "data_dir_open", "secrets_open", "secrets_open"]);
    assert_eq!(found.count(Severity::Error), 4);
    let text = serde_json::to_string(&found).unwrap();
    assert!(!text.contains("canary"), "{text}");
    for finding in &found.items {
        assert!(finding.fix.starts_with("chmod "), "{}", finding.fix);
        fix(dir, finding).unwrap().unwrap();
    }
    assert_eq!(codes(&report(dir)), [""; 0]);
}

#[test]
fn a_lock_is_stale_when_its_process_is_gone() {
    let home = data_dir();
    let lock = home.path().join("server.lock");
    fs::write(&lock, format!("{}\n", std::process::id())).unwrap();
    assert_eq!(codes(&report(home.path())), [""; 0]);
    // Above what the kernel gives out.
    fs::write(&lock, "2000000000\n").unwrap();
    let found = report(home.path());
    assert_eq!(codes(&found), ["lock_stale"]);
    fix(home.path(), &found.items[0]).unwrap().unwrap();
    assert_eq!(fs::read_to_string(&lock).unwrap(), "");
    assert_eq!(codes(&report(home.path())), [""; 0]);
}

#[test]
fn a_file_that_is_no_database_is_damage() {
    let home = data_dir();
    fs::write(home.path().join("convene.db"), "x".repeat(5000)).unwrap();
    assert_eq!(codes(&report(home.path())), ["database_damaged"]);
}

#[test]
fn the_probe_leaves_nothing() {
    let home = data_dir();
    let _report = report(home.path());
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn who_listens_is_told_by_name() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let found = holder(addr).expect("this process listens");
    assert_eq!(found.pid, Some(std::process::id().cast_signed()));
    assert!(found.to_string().ends_with(&format!("(pid {})", std::process::id())), "{found}");
    drop(listener);
    assert_eq!(holder(addr), None);
}

#[test]
fn small_worktrees_are_no_finding_and_links_are_not_followed() {
    let home = data_dir();
    let tree = home.path().join("worktrees/one");
    fs::create_dir_all(&tree).unwrap();
    fs::write(tree.join("file"), "x").unwrap();
    std::os::unix::fs::symlink("/", tree.join("everything")).unwrap();
    assert_eq!(codes(&report(home.path())), [""; 0]);
}
