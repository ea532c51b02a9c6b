//! The doctor, with a server and without.

use std::{fs, net::TcpListener, os::unix::fs::PermissionsExt as _};

use anyhow::Result;
use serde_json::Value;

use crate::home::{self, Home, Said, cluster};

fn codes(said: &Said) -> Vec<String> {
    let report = said.json();
    let items = report["items"].as_array().expect("items");
    for finding in items {
        for field in ["code", "severity", "summary", "fix", "data"] {
            assert!(!finding[field].is_null(), "{finding}");
        }
    }
    items.iter().map(|finding| finding["code"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn without_a_server_it_says_what_it_can_and_makes_nothing() {
    let home = Home::new();
    let said = home.run(&["doctor", "--json"]);
    assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{}", said.stdout);
    let found = codes(&said);
    assert!(found.contains(&"server_down".to_owned()) && found.contains(&"agent_missing".to_owned()), "{found:?}");
    assert!(!home.path(".local").exists(), "nothing is made by asking");
    let people = home.run(&["doctor"]);
    let last = people.stdout.lines().last().unwrap_or_default();
    assert!(last.contains("0 errors, ") && last.contains(" checks ok (") && last.ends_with(" s)"), "{last}");
}

#[test]
fn a_bad_configuration_is_a_finding_and_not_the_end() {
    let home = Home::new();
    home.write(".config/convene/config.toml", "\n[run]\nagnt = \"codex\"\n");
    let said = home.run_with(&["doctor", "--json"], &[("CONVENE_RUN_AGNT", "x")]);
    assert_eq!(said.code, 1);
    let report = said.json();
    let of = |code: &str| -> Option<Value> {
        report["items"].as_array()?.iter().find(|finding| finding["code"] == code).cloned()
    };
    let key = of("config_unknown_key").expect("the key");
    assert_eq!((key["severity"].as_str(), key["data"]["line"].as_u64()), (Some("error"), Some(3)), "{key}");
    assert!(key["fix"].as_str().is_some_and(|fix| fix.contains("run.agent")), "{key}");
    let _ = of("environment_unknown");
    home.write(".config/convene/config.toml", "[server]\nbind = \"0.0.0.0:4747\"\n");
    let said = home.run_with(&["doctor", "--json"], &[("CONVENE_RUN_AGNT", "x")]);
    let found = codes(&said);
    assert!(found.contains(&"bind_exposed".to_owned()), "{found:?}");
    assert!(found.contains(&"environment_unknown".to_owned()), "{found:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_port_that_is_taken_is_told_with_who_has_it() {
    let home = Home::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = listener.local_addr().expect("an address").to_string();
    let said = home.run_with(&["doctor", "--json"], &[("CONVENE_SERVER_BIND", &addr)]);
    let report = said.json();
    let items = report["items"].as_array().expect("items");
    let found = items.iter().find(|finding| finding["code"] == "port_in_use").expect("the port");
    assert_eq!(found["data"]["pid"].as_u64(), Some(std::process::id().into()), "{found}");
}

#[test]
fn fix_mends_what_is_marked_and_says_what_it_did() {
    let home = Home::new();
    let token = home.write(".local/share/convene/auth/token", "a token");
    let lock = home.write(".local/share/convene/server.lock", "2000000000\n");
    for (path, mode) in [(home.data(), 0o755), (home.data().join("auth"), 0o700), (token.clone(), 0o644)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
    }
    let before = home.run(&["doctor"]);
    assert_eq!(before.code, 1);
    for code in ["data_dir_open", "secrets_open", "lock_stale"] {
        assert!(before.stdout.contains(code), "{code}: {}", before.stdout);
    }
    assert_eq!(
        fs::metadata(&token).expect("a file").permissions().mode() & 0o777,
        0o644,
        "only --fix changes anything"
    );
    let fixed = home.run(&["doctor", "--fix"]);
    assert_eq!(fixed.code, 0, "{fixed:?}");
    assert_eq!(fixed.stderr.lines().count(), 3, "{}", fixed.stderr);
    assert_eq!(fs::metadata(&token).expect("a file").permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_to_string(lock).expect("a file"), "");
    assert_eq!(fs::read_to_string(token).expect("a file"), "a token");
    assert!(home.run(&["doctor", "--fix"]).stderr.is_empty(), "nothing is left to mend");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_server_it_asks_the_server_and_its_agents() -> Result<()> {
    let cluster = cluster().agent("mute", &["sleep", "60"]).config("[worker]\nstart_timeout = \"5s\"").start().await?;
    let said = home::run(&cluster, &["doctor", "--json"]);
    let found = codes(&said);
    assert!(!found.contains(&"server_down".to_owned()) && !found.contains(&"no_worker".to_owned()), "{found:?}");
    let ok: Vec<String> = serde_json::from_value(said.json()["ok"].clone())?;
    for name in ["server", "versions", "clocks", "database", "workers", "logs"] {
        assert!(ok.iter().any(|ok| ok == name), "{name} is not in {ok:?}");
    }
    let good = home::run(&cluster, &["doctor", "--agent", "builtin", "--json"]);
    let ok: Vec<String> = serde_json::from_value(good.json()["ok"].clone())?;
    assert!(ok.iter().any(|ok| ok == "hello of builtin"), "{good:?}");
    let bad = home::run(&cluster, &["doctor", "--agent", "mute", "--json"]);
    assert_eq!(bad.code, 1);
    assert!(codes(&bad).contains(&"agent_no_handshake".to_owned()), "{bad:?}");
    let none = home::run(&cluster, &["doctor", "--agent", "builtinn"]);
    assert_eq!(none.code, 2);
    assert!(none.stderr.contains("did you mean \"builtin\"?"), "{}", none.stderr);
    cluster.end().await
}

#[test]
fn a_server_elsewhere_that_is_down_is_an_error() {
    let home = Home::new();
    let said = home.run(&["--server", "http://127.0.0.1:9", "doctor", "--json"]);
    assert_eq!(said.code, 1, "{said:?}");
    let report = said.json();
    let found = report["items"].as_array().expect("items").iter().find(|f| f["code"] == "server_down");
    assert_eq!(found.expect("it is down")["severity"], "error");
}
