//! A real agent from npm on a scripted model server, through `convene run` and through the API.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use convene_api::client::CommandKey;
use convene_core::failure::StopReason;
use convene_testkit::cluster::Cluster;

/// The scripted model server; it ends with its input.
struct Model {
    child: Child,
    input: Option<ChildStdin>,
    url: String,
}

impl Model {
    fn start() -> Result<Self> {
        let mut child = Command::new(env!("CARGO_BIN_EXE_convene"))
            .args(["mock-llm", "--tick", "20", "--until-eof"])
            .current_dir(interop(""))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take();
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("it has an output")?).read_line(&mut line)?;
        let url = line.trim().strip_prefix("listening on ").context(line.clone())?.to_owned();
        Ok(Self { child, input, url })
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        drop(self.input.take());
        if let Err(error) = self.child.wait() {
            eprintln!("the model server cannot be collected: {error}");
        }
    }
}

fn interop(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../interop").join(file)
}

/// Runs one of the scripts of the folder and returns what it printed.
fn script(name: &str, args: &[&str]) -> Result<String> {
    let output = Command::new("node").arg(interop(name)).args(args).current_dir(interop("")).output()?;
    ensure!(output.status.success(), "{name} failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

/// A cluster with the real adapter as `codex`.
fn with_codex(model: &Model, home: &Path) -> Result<convene_testkit::cluster::Builder> {
    script("install.mjs", &[])?;
    let home = home.to_str().context("a path in UTF-8")?;
    let toml = script("recipe.mjs", &["codex", "--model-url", &model.url, "--home", home, "--toml"])?;
    Ok(Cluster::of(env!("CARGO_BIN_EXE_convene")).config(&toml))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn codex_streams_and_ends_through_the_command_line() -> Result<()> {
    let (model, home) = (Model::start()?, tempfile::tempdir()?);
    let cluster = with_codex(&model, home.path())?.start().await?;
    let output = tokio::task::block_in_place(|| {
        cluster.command(&["run", "-a", "codex", "SLOW 12"]).stdin(Stdio::null()).output()
    });
    let output = output?;
    let (text, log) = (String::from_utf8(output.stdout)?, String::from_utf8_lossy(&output.stderr).into_owned());
    ensure!(output.status.code() == Some(0), "exit {:?}: {log}", output.status.code());
    ensure!(text.contains("tick0") && text.contains("tick11"), "the answer is {text:?}: {log}");
    cluster.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn codex_streams_and_ends_through_the_api_and_knows_its_last_turn() -> Result<()> {
    let (model, home) = (Model::start()?, tempfile::tempdir()?);
    let cluster = with_codex(&model, home.path())?.start().await?;
    let created =
        cluster.client()?.create_session(&cluster.session_of("codex", "SLOW 40"), &CommandKey::fresh()).await?;
    let id = created.session.id;
    let view = cluster.wait_idle(id).await?;
    let first = view.last_turn.context("a turn has ended")?;
    ensure!(first.stop_reason == StopReason::EndTurn, "{first:?}");
    let log = cluster.log(id).await?;
    let pieces = log.events.iter().filter(|e| e.data.tag() == "message_appended").count();
    ensure!(pieces > 5, "it did not stream: {pieces} pieces");
    ensure!(log.text(first.id).contains("tick39"), "the answer is {:?}", log.text(first.id));

    cluster.prompt(id, "and now?").await?;
    let view = cluster
        .wait_session(id, "the second turn has ended", |s| s.last_turn.as_ref().is_some_and(|t| t.number == 2))
        .await?;
    let answer = view.result.unwrap_or_default();
    ensure!(answer.contains("turn 2"), "the agent forgot its first turn: {answer:?}");
    cluster.end().await
}
