//! `convene run` in a real tmux, which lays lines out anew when it is resized, as people's terminals do.

mod common;

use std::process::{Command, Output};

use anyhow::{Context as _, Result, ensure};
use common::*;
use convene_testkit::cluster::{Cluster, PATIENCE, wait_until};

/// A tmux server of its own in the cluster's home.
struct Tmux<'a> {
    cluster: &'a Cluster,
}

impl<'a> Tmux<'a> {
    /// A window of so many columns and rows with a shell in it; none where there is no tmux.
    fn start(cluster: &'a Cluster, columns: u16, rows: u16) -> Result<Option<Self>> {
        if Command::new("tmux").arg("-V").output().is_err() {
            println!("skipped: there is no tmux here");
            return Ok(None);
        }
        let tmux = Self { cluster };
        let (columns, rows) = (columns.to_string(), rows.to_string());
        tmux.run(&["-f", "/dev/null", "start-server", ";", "set", "-g", "history-limit", "50000"])?;
        tmux.run(&["new-session", "-d", "-s", "t", "-x", &columns, "-y", &rows, "exec sh"])?;
        Ok(Some(tmux))
    }

    fn run(&self, args: &[&str]) -> Result<Output> {
        let like = self.cluster.command(&[]);
        let mut command = Command::new("tmux");
        command.env_clear().env("TERM", "xterm-256color").arg("-S").arg(self.cluster.home().root().join("tmux.sock"));
        for (name, value) in like.get_envs() {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        if let Some(directory) = like.get_current_dir() {
            command.current_dir(directory);
        }
        let output = command.args(args).output()?;
        ensure!(output.status.success(), "tmux {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(output)
    }

    /// Types a command line of the binary under test.
    fn type_convene(&self, args: &str) -> Result<()> {
        let line = format!("clear; {} {args}", env!("CARGO_BIN_EXE_convene"));
        self.run(&["send-keys", "-t", "t", "-l", &line])?;
        self.run(&["send-keys", "-t", "t", "Enter"])?;
        Ok(())
    }

    /// Everything above and on the screen; lines that tmux wrapped are joined.
    fn history(&self) -> Result<String> {
        let output = self.run(&["capture-pane", "-p", "-J", "-S", "-", "-t", "t"])?;
        Ok(String::from_utf8(output.stdout)?)
    }

    async fn wait_for(&self, text: &str) -> Result<()> {
        let waited = wait_until(text, PATIENCE, async || Ok(self.history()?.contains(text))).await;
        waited.with_context(|| format!("the screen is:\n{}", self.history().unwrap_or_default()))
    }
}

impl Drop for Tmux<'_> {
    fn drop(&mut self) {
        // One that is gone already is fine.
        let _ = self.run(&["kill-server"]);
    }
}

#[tokio::test]
async fn ten_resizes_in_a_stream_lose_and_double_nothing() -> Result<()> {
    let cluster = cluster().start().await?;
    let Some(tmux) = Tmux::start(&cluster, 80, 24)? else { return cluster.end().await };
    // Prose, then silence with a live row, again and again.
    let prompt: String = (1..=12)
        .map(|n| {
            let words: String = (1..=70).map(|w| format!("n{n}w{w} ")).collect();
            format!("{}\nPAUSE 250\nTOOL\nPAUSE 150\n", says(&words))
        })
        .collect();
    std::fs::write(cluster.home().work().join("prompt"), &prompt)?;
    tmux.type_convene("run -a fake --no-autostart -F prompt")?;
    for (n, columns) in [60, 100, 41, 80, 55, 120, 33, 90, 47, 80].into_iter().enumerate() {
        tmux.wait_for(&format!("n{}w70", n + 1)).await?;
        tmux.run(&["resize-window", "-t", "t", "-x", &columns.to_string(), "-y", "24"])?;
    }
    tmux.wait_for("done · ").await?;
    let history = tmux.history()?;
    let words: Vec<&str> = history.split_whitespace().filter(|w| w.starts_with('n') && w.contains('w')).collect();
    let expected: Vec<String> = (1..=12).flat_map(|n| (1..=70).map(move |w| format!("n{n}w{w}"))).collect();
    ensure!(words == expected, "the words are not once and in order:\n{history}");
    ensure!(!history.contains("Ctrl-C cancels"), "a live row is left over:\n{history}");
    // What was drawn is what `logs` prints, but for the prompt and the ends, which each tells in its own way.
    let id = newest(&cluster, &[]).await?.short();
    let logs = run(&cluster, &["logs", &id]).await?.stdout;
    let own = |line: &&str| {
        let line = line.trim_start();
        line.starts_with("w") || line.starts_with('n') || line.starts_with("+ run") || line.starts_with("total 0")
    };
    let without_times = |line: &str| line.split("  ").filter(|part| !part.ends_with(" ms")).collect::<String>();
    let drawn: Vec<String> = history.lines().filter(own).map(|l| without_times(l.trim_end())).collect();
    let logged: Vec<String> = logs.lines().filter(own).map(|l| without_times(l.trim_end())).collect();
    ensure!(drawn == logged, "drawn was\n{drawn:#?}\nlogs prints\n{logged:#?}");
    drop(tmux);
    cluster.end().await
}

#[tokio::test]
async fn a_window_that_is_closed_cancels_nothing() -> Result<()> {
    let cluster = cluster().start().await?;
    let Some(tmux) = Tmux::start(&cluster, 80, 24)? else { return cluster.end().await };
    tmux.type_convene("run -a fake --no-autostart SLOW")?;
    tmux.wait_for("w5 ").await?;
    let id = newest(&cluster, &[]).await?;
    drop(tmux);
    let before = cluster.session(id).await?.seq;
    let view = cluster.wait_session(id, "it goes on", |s| s.seq > before + 20).await?;
    ensure!(view.turn.is_some_and(|turn| turn.cancelled_by.is_none()), "its turn was cancelled");
    cluster.end().await
}
