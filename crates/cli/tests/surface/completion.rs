//! What a shell gets that completes a command.

use std::{os::unix::net::UnixListener, time::Duration};

use anyhow::Result;
use convene_testkit::cluster::Cluster;

use crate::home::{Home, cluster};

/// The variables by which bash says what is being typed.
fn typing(index: usize) -> [(&'static str, String); 4] {
    [
        ("COMPLETE", "bash".to_owned()),
        ("_CLAP_COMPLETE_INDEX", index.to_string()),
        ("_CLAP_IFS", "\n".to_owned()),
        ("_CLAP_COMPLETE_COMP_TYPE", "9".to_owned()),
    ]
}

fn complete(mut command: std::process::Command, index: usize) -> (Vec<String>, String) {
    let output = command.envs(typing(index)).output().expect("it runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    (text.lines().map(str::to_owned).collect(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn in_cluster(cluster: &Cluster, words: &[&str]) -> Vec<String> {
    let args: Vec<&str> = ["--", "convene"].into_iter().chain(words.iter().copied()).collect();
    let (found, stderr) = complete(cluster.command(&args), words.len());
    assert_eq!(stderr, "");
    found
}

#[test]
fn a_script_for_each_shell_calls_this_program_back() {
    let home = Home::new();
    // As the program sees itself: without symbolic links.
    let program = std::fs::canonicalize(env!("CARGO_BIN_EXE_convene")).expect("it is built");
    let program = program.to_str().expect("UTF-8");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let dynamic = home.run(&["completion", shell]);
        assert_eq!((dynamic.code, dynamic.stderr.as_str()), (0, ""), "{shell}");
        assert!(dynamic.stdout.contains("COMPLETE") && dynamic.stdout.contains(program), "{shell}");
        let fixed = home.run(&["completion", shell, "--static"]);
        assert!(fixed.stdout.contains("doctor") && !fixed.stdout.contains("COMPLETE="), "{shell}");
    }
}

/// check 39
#[test]
fn with_the_server_down_it_answers_at_once_with_nothing_and_starts_nothing() {
    let home = Home::new();
    std::fs::create_dir_all(home.data().join("auth")).expect("a directory");
    home.write(".local/share/convene/auth/token", "x");
    let ask = |home: &Home| {
        let started = std::time::Instant::now();
        let mut command = home.command(&["--", "convene", "show", ""]);
        command.env_remove("CONVENE_CLIENT_AUTOSTART");
        (complete(command, 2), started.elapsed())
    };
    let ((found, stderr), took) = ask(&home);
    assert!(!found.iter().any(|line| line.contains("ses")) && stderr.is_empty(), "{found:?} {stderr}");
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert!(!home.data().join("server.lock").exists(), "a server was started");
    // One that takes the connection and never answers holds nobody up either.
    let _silent = UnixListener::bind(home.data().join("server.sock")).expect("a socket");
    let ((_, stderr), took) = ask(&home);
    assert!(stderr.is_empty() && took < Duration::from_secs(10), "{stderr} {took:?}");
    let (commands, _) = complete(home.command(&["--", "convene", "doc"]), 1);
    assert_eq!(commands, ["doctor"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_agents_and_requests_come_from_the_server() -> Result<()> {
    let cluster = cluster().start().await?;
    let session = cluster.create("say hello").await?.session;
    cluster.wait_idle(session.id).await?;
    // The last six digits, which is what lists show.
    assert_eq!(in_cluster(&cluster, &["show", ""]).first(), Some(&session.short_id));
    assert!(in_cluster(&cluster, &["stop", &session.short_id[..3]]).contains(&session.short_id));
    assert!(in_cluster(&cluster, &["run", "-a", "bui"]).contains(&"builtin".to_owned()));
    assert!(in_cluster(&cluster, &["agents", "show", "fak"]).contains(&"fake".to_owned()));
    assert!(in_cluster(&cluster, &["set", &session.short_id, "per"]).iter().any(|c| c.starts_with("permissions=")));
    assert!(in_cluster(&cluster, &["run", "--worker", ""]).contains(&"local".to_owned()));
    // What the agent announced, in one word, and in the three that bash makes of it.
    let id = &session.short_id;
    let whole = in_cluster(&cluster, &["set", id, "mode=co"]);
    assert!(whole.iter().all(|c| c.starts_with("mode=co")) && !whole.is_empty(), "{whole:?}");
    let first = whole[0].trim_start_matches("mode=").to_owned();
    assert_eq!(in_cluster(&cluster, &["set", id, "mode", "=", &first]), std::slice::from_ref(&first));
    assert!(in_cluster(&cluster, &["set", id, "mode", ""]).contains(&first));
    assert_eq!(in_cluster(&cluster, &["set", id, "permissions", "=", "re"]), ["reads"]);
    assert!(in_cluster(&cluster, &["set", id, "title", "=", "x"]).is_empty());
    cluster.end().await
}
