//! What a server says of itself: what is wrong with it, and with what it was started.

mod support;

use std::{fs, os::unix::fs::PermissionsExt as _};

use convene_api::{
    body::{ConfigItem, ConfigView},
    doctor::{Check, Finding, FindingCode},
};
use support::{http::Request, worker::Worker};

#[tokio::test]
async fn a_server_tells_what_is_wrong_with_its_directory_its_machine_and_its_workers() {
    let server = support::start_with(|config| {
        config.machine_checks = |dir| {
            let dir = dir.display().to_string();
            vec![Check::new("machine", move || {
                vec![Finding::new(FindingCode::LimitsLow, "too low", "raise it").with("path", dir)]
            })]
        };
    })
    .await;
    let report = server.client().doctor().await.unwrap();
    let codes: Vec<&str> = report.items.iter().map(|finding| finding.code.as_str()).collect();
    assert!(codes.contains(&"no_worker") && codes.contains(&"limits_low"), "{codes:?}");
    assert!(report.ok.iter().any(|name| name == "database"), "{report:?}");
    fs::set_permissions(&server.dir, fs::Permissions::from_mode(0o755)).unwrap();
    let worker = Worker::connect(&server).await;
    let report = server.client().doctor().await.unwrap();
    let codes: Vec<&str> = report.items.iter().map(|finding| finding.code.as_str()).collect();
    assert!(codes.contains(&"data_dir_open") && !codes.contains(&"no_worker"), "{codes:?}");
    drop(worker);
    assert_eq!(Request::new("GET", "/v1/doctor").send(&server).await.code(), "auth_required");
    server.stop().await;
}

#[tokio::test]
async fn a_server_tells_what_it_was_started_with() {
    let item = ConfigItem {
        key: "run.agent".to_owned(),
        value: "codex".into(),
        origin: "environment".to_owned(),
        source: Some("CONVENE_RUN_AGENT".to_owned()),
    };
    let shown = ConfigView { file: "config.toml".to_owned(), items: vec![item] };
    let given = shown.clone();
    let server = support::start_with(move |config| config.shown = given).await;
    assert_eq!(server.client().config().await.unwrap(), shown);
    assert_eq!(Request::new("GET", "/v1/config").send(&server).await.code(), "auth_required");
    server.stop().await;
}

#[tokio::test]
async fn a_port_in_use_names_who_has_it() {
    let server = support::start().await;
    let home = tempfile::tempdir().unwrap();
    let mut config = support::config(home.path());
    config.bind = server.info.addr;
    let problem = support::start_in(config).await.map(drop).unwrap_err().problem();
    if cfg!(target_os = "linux") {
        let pid = format!("(pid {})", std::process::id());
        assert!(problem.detail.ends_with(&pid), "{}", problem.detail);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_server_that_ends_in_order_leaves_no_name_in_its_lock() {
    let server = support::start().await;
    let lock = server.dir.join("server.lock");
    assert_eq!(fs::read_to_string(&lock).unwrap().trim(), std::process::id().to_string());
    let _home = server.stop().await;
    assert_eq!(fs::read_to_string(&lock).unwrap(), "");
}
