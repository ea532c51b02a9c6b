//! Help, usage errors, and arguments that nobody foresaw.

use std::{os::unix::net::UnixListener, time::Duration};

use crate::home::Home;

/// check 1
#[test]
fn help_is_there_at_once_and_touches_no_server() {
    let home = Home::new();
    std::fs::create_dir_all(home.data()).expect("a directory");
    let socket = UnixListener::bind(home.data().join("server.sock")).expect("a socket");
    socket.set_nonblocking(true).expect("no waiting");
    let mut best = Duration::MAX;
    for _ in 0..10 {
        let started = std::time::Instant::now();
        let said = home.run(&["--help"]);
        best = best.min(started.elapsed());
        assert_eq!((said.code, said.stderr.as_str()), (0, ""));
        assert!(said.stdout.contains("Sessions:") && said.stdout.contains("--data-dir"), "{}", said.stdout);
    }
    // Twenty milliseconds is what the released program has; this one is not optimized and others run beside it.
    let limit = if cfg!(debug_assertions) { 2000 } else { 20 };
    assert!(best < Duration::from_millis(limit), "{best:?}");
    assert!(socket.accept().is_err(), "somebody dialed the server");
}

#[test]
fn the_short_help_leaves_out_what_is_the_same_everywhere() {
    let home = Home::new();
    let (short, long) = (home.run(&["ls", "-h"]), home.run(&["ls", "--help"]));
    assert!(!short.stdout.contains("--token-file") && long.stdout.contains("--token-file"), "{}", short.stdout);
    for said in [&short, &long] {
        let at = |text: &str| said.stdout.find(text).unwrap_or_else(|| panic!("{text} is not in {}", said.stdout));
        assert!(at("Usage:") < at("Examples:") && at("Examples:") < at("Options:") && at("Options:") < at("Exit:"));
    }
}

#[test]
fn a_missing_word_prints_help_on_stderr() {
    let home = Home::new();
    for args in [&[][..], &["token"], &["thread"], &["config"]] {
        let said = home.run(args);
        assert_eq!((said.code, said.stdout.as_str()), (2, ""), "{args:?}");
        assert!(said.stderr.contains("Usage: convene") && said.stderr.contains("Examples:") || args.is_empty());
    }
    let said = home.run(&["token", "--json"]);
    assert_eq!((said.code, said.problem()["code"].as_str()), (2, Some("invalid_request")));
}

/// check 5
#[test]
fn what_is_misspelled_gets_the_nearest_name() {
    let home = Home::new();
    home.write("bad.toml", "[runn]\nagent = \"x\"\n");
    for (args, near) in [
        (&["shwo", "x"][..], "show"),
        (&["doctr"], "doctor"),
        (&["ls", "--needs-you"], "--needs-me"),
        (&["config", "shw"], "show"),
        (&["thread", "nwe"], "new"),
        (&["completion", "bsh"], "bash"),
        (&["export", "x", "--format", "jsn"], "json"),
        (&["doctor", "--agent", "codxe", "--no-autostart"], "codex"),
        (&["--config", "bad.toml", "ls"], "did you mean \"run\"?"),
    ] {
        let said = home.run(args);
        assert_eq!((said.code, said.stdout.as_str()), (2, ""), "{args:?}: {}", said.stderr);
        assert!(said.stderr.contains(near), "{args:?}: {}", said.stderr);
        assert!(said.stderr.starts_with("error["), "{args:?}: {}", said.stderr);
    }
}

/// check 6, the part that needs a process; `args_tests.rs` plays thousands without one.
#[test]
fn arguments_that_make_no_sense_never_panic() {
    let home = Home::new();
    let long = "x".repeat(100_000);
    for args in [
        &["--"][..],
        &["-"],
        &[""],
        &["--json"],
        &["ls", "--", "--json"],
        &["show", ""],
        &["show", "\u{202e}\x1b]0;x\x07"],
        &["logs", "x", "--after", "99999999999999999999"],
        &["queue", "x", "edit", "-1", "y"],
        &["token", "create", "--expires", "-1s"],
        &["wait", "--timeout", "1e9h", "x"],
        &["--data-dir", "", "ls"],
        &["--server", "http://", "ls"],
        &["--color", "sometimes", "ls"],
        &["run", long.as_str()],
        &["export", "x", "-O", ""],
    ] {
        let output = home.command(args).output().expect("it runs");
        let code = output.status.code().expect("no signal ended it");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(matches!(code, 1 | 2 | 6), "{args:?}: {code} {stderr}");
        assert!(!stderr.contains("panicked") && !stderr.contains("RUST_BACKTRACE"), "{args:?}: {stderr}");
        assert!(!stderr.contains('\x1b') && !stderr.contains('\u{202e}'), "{args:?}: {stderr:?}");
    }
}
