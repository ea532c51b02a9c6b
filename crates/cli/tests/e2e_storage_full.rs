//! The disk under the data directory fills up while agents work: what cannot be kept is refused in clear words, agents
//! wait, reading goes on, what is stopped comes to its end, and with room again everything goes on by itself. Nothing that
//! was acknowledged is lost.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, Result, ensure};
use convene_api::{
    body::{PromptInput, SendPrompt, StopSession},
    client::{Client, ClientError, CommandKey},
    problem::{Code, Problem},
};
use convene_core::{event::StopMode, ids::SessionId, view::SessionView};
use convene_testkit::cluster::{Cluster, Log, PATIENCE, Running, wait_until};

#[tokio::test]
async fn a_disk_that_fills_up_under_load_costs_nothing() -> Result<()> {
    let cluster = Cluster::of(env!("CARGO_BIN_EXE_convene")).prepare()?;
    std::fs::create_dir_all(cluster.home().data())?;
    let Some(disk) = Disk::mount(&cluster).await? else {
        println!("no file system can be mounted here; not tried");
        return cluster.end().await;
    };
    let client = disk.client(&cluster)?;
    // An answer that asks to come again is an answer here.
    let impatient = client.clone().patience(Duration::ZERO);
    let (works, stops) = (start(&cluster, &client).await?, start(&cluster, &client).await?);

    disk.fill()?;
    wait_until("the server has no room", PATIENCE, async || Ok(client.status().await?.storage.is_some())).await?;
    let status = client.status().await?;
    let trouble = status.storage.context("it has room")?;
    ensure!(trouble.code == Code::StorageFull && trouble.hint.is_some(), "it says {trouble:?}");
    ensure!(status.status == "storage_full", "it says {}", status.status);
    is_full(impatient.ready().await.err())?;
    let created = impatient.create_session(&cluster.session_of("fake", "hello"), &CommandKey::fresh()).await;
    is_full(created.err())?;
    let prompt = SendPrompt { content: PromptInput::Text("more".to_owned()), mode: Default::default() };
    is_full(impatient.prompt(works, &prompt, &CommandKey::fresh()).await.err())?;
    let findings = client.doctor().await?.items;
    ensure!(findings.iter().any(|finding| finding.code.as_str() == "storage_full"), "the doctor finds {findings:?}");
    // What is there is read, and says nothing new.
    let before = Log::read(&client, works).await?;
    ensure!(text(&before).contains("w5 "), "the log says {:?}", text(&before));
    ensure!(view(&client, works).await?.state == "running", "it does not run any more");

    // What is stopped comes to its end all the same.
    let now = StopSession { mode: StopMode::Now, message: None };
    client.stop(stops, &now, &CommandKey::fresh()).await.context("a stop is refused")?;
    wait_until("it is stopped", PATIENCE, async || Ok(view(&client, stops).await?.state == "stopped")).await?;
    ensure!(client.status().await?.storage.is_some(), "there is room all of a sudden");

    disk.make_room()?;
    wait_until("there is room again", PATIENCE, async || Ok(client.status().await?.storage.is_none())).await?;
    let (told, last) = (text(&before), before.events.len());
    wait_until("the agent goes on", PATIENCE, async || {
        let log = Log::read(&client, works).await?;
        Ok(text(&log).len() > told.len() + 500)
    })
    .await?;
    client.ready().await.context("it is not ready again")?;
    let prompt = client.prompt(works, &prompt, &CommandKey::fresh()).await.context("a prompt is refused")?;
    drop(prompt);
    let after = Log::read(&client, works).await?;
    let kept = before.events.iter().zip(&after.events).all(|(before, after)| before.json == after.json);
    ensure!(kept && after.events.len() > last, "what was told is not what is there");
    // Every word, once and in order.
    let said = text(&after);
    let words = said.split_whitespace().count();
    let whole: String = (1..=words).map(|n| format!("w{n} ")).collect();
    ensure!(said == whole, "{words} words, and not each once");
    for id in [works, stops] {
        client.stop(id, &now, &CommandKey::fresh()).await?;
        wait_until("it is stopped", PATIENCE, async || Ok(view(&client, id).await?.state == "stopped")).await?;
    }
    disk.unmount().await?;
    cluster.end().await
}

/// A session whose agent is talking.
async fn start(cluster: &Cluster, client: &Client) -> Result<SessionId> {
    let created = client.create_session(&cluster.session_of("fake", "SLOW"), &CommandKey::fresh()).await?;
    let id = created.session.id;
    wait_until("the agent talks", PATIENCE, async || Ok(text(&Log::read(client, id).await?).contains("w5 "))).await?;
    Ok(id)
}

fn text(log: &Log) -> String {
    log.first("turn_started").and_then(|event| event.data.turn).map(|turn| log.text(turn)).unwrap_or_default()
}

async fn view(client: &Client, id: SessionId) -> Result<SessionView> {
    Ok(client.session(&id.to_string()).await?)
}

fn is_full(refused: Option<ClientError>) -> Result<()> {
    let error = refused.context("it is taken")?;
    let ClientError::Problem(problem) = &error else { return Err(error.into()) };
    let problem: &Problem = problem;
    ensure!(problem.code == Code::StorageFull && problem.http_status() == 503, "it is refused by {problem:?}");
    ensure!(
        problem.hint.as_deref().is_some_and(|hint| hint.contains("nothing is lost")),
        "it is refused by {problem:?}"
    );
    Ok(())
}

/// A server and its worker whose data directory is a small file system of its own, in a namespace of its own.
struct Disk {
    server: Running,
    data: PathBuf,
}

impl Disk {
    async fn mount(cluster: &Cluster) -> Result<Option<Self>> {
        let data = cluster.home().data();
        let bind = cluster.url().trim_start_matches("http://").to_owned();
        let script = format!(
            "mount -t tmpfs -o size=16m tmpfs '{data}' && exec '{binary}' serve --bind {bind} --data-dir '{data}'",
            data = data.display(),
            binary = env!("CARGO_BIN_EXE_convene"),
        );
        let mut try_one = std::process::Command::new("unshare");
        try_one.args(["-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).current_dir("/");
        if !try_one.output().is_ok_and(|output| output.status.success()) {
            return Ok(None);
        }
        let mut server = cluster.spawn_other("unshare", "small-disk", &["-rm", "/bin/sh", "-c", &script])?;
        server.wait_for_line("listening on ", PATIENCE).await?;
        // Seen from outside through the server's own root.
        let data = PathBuf::from(format!("/proc/{}/root{}", server.pid(), data.display()));
        Ok(Some(Self { server, data }))
    }

    fn client(&self, cluster: &Cluster) -> Result<Client> {
        let token = std::fs::read_to_string(self.data.join("auth/token"))?;
        Ok(Client::new(cluster.url().parse()?, Some(token.trim().to_owned())))
    }

    fn fill(&self) -> Result<()> {
        use std::io::Write as _;
        let mut ballast = std::fs::File::create(self.data.join("ballast"))?;
        while ballast.write_all(&[0; 512]).is_ok() {}
        Ok(())
    }

    fn make_room(&self) -> Result<()> {
        Ok(std::fs::remove_file(self.data.join("ballast"))?)
    }

    async fn unmount(self) -> Result<()> {
        self.server.terminate()?;
        let status = self.server.wait(PATIENCE).await?;
        ensure!(status.success(), "the server ended with {status}");
        Ok(())
    }
}
