//! Faults that are no deaths: processes that stand still, workers that are away, disks that are full, secrets that want
//! out, clients that take nothing, too few descriptors.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, Result, ensure};
use convene_api::{
    body::StopSession,
    client::{Client, ClientError, CommandKey, SessionsQuery},
    problem::Code,
};
use convene_core::{event::StopMode, failure::StopReason};
use convene_testkit::cluster::{Builder, Cluster, PATIENCE, Role, Running, Topic, freeze, thaw, wait_until};

fn cluster() -> Builder {
    Cluster::of(env!("CARGO_BIN_EXE_convene"))
}

/// The worker dies at each of the first steps of a session's life; the prompt runs once all the same.
#[tokio::test]
async fn a_worker_that_dies_at_any_step_costs_nothing() -> Result<()> {
    let steps = ["attempt_assigned", "attempt_started", "agent_launched", "agent_initialized", "turn_handed_over"];
    let mut cluster = cluster().worker_apart().start().await?;
    for (n, step) in steps.iter().enumerate() {
        let created = cluster.create(&format!("step {n}\nSTREAM 20 5000")).await?;
        let id = created.session.id;
        let events = cluster.record(Topic::Session(id), 0)?;
        events.wait_tag(step).await?;
        cluster.kill_worker()?;
        cluster.start_worker().await?;
        let view = cluster.wait_idle(id).await?;
        let turn = view.last_turn.context("no turn has ended")?;
        ensure!(
            turn.stop_reason == StopReason::EndTurn,
            "{step}: it ended by {:?}: {:?}",
            turn.stop_reason,
            turn.failure
        );
        let seen = events.seen().clone();
        let log = cluster.log(id).await?;
        ensure!(log.text(turn.id).ends_with("w20 "), "{step}: the agent said {:?}", log.text(turn.id));
        log.has_all(&seen)?;
    }
    ensure!(cluster.receipts()?.len() == steps.len(), "the agents got {:?}", cluster.receipts()?);
    cluster.end().await
}

/// A session whose worker is away can be stopped; what is not proved is not said.
#[tokio::test]
async fn a_stop_without_a_worker_is_told_as_what_it_is() -> Result<()> {
    let mut cluster = cluster().worker_apart().start().await?;
    let created = cluster.create("SLOW").await?;
    let id = created.session.id;
    let events = cluster.record(Topic::Session(id), created.cursor.seq)?;
    events.wait_text("w5 ").await?;
    cluster.kill_worker()?;
    cluster.client()?.stop(id, &StopSession::default(), &CommandKey::fresh()).await?;
    // Its runner hears of it without the worker, and ends by itself.
    cluster.attempts_gone().await?;
    let view = cluster.session(id).await?;
    ensure!(
        view.state == "stopping" || view.stop_verified == Some(false),
        "nobody has proved anything, and it is {} ({:?})",
        view.state,
        view.stop_verified
    );
    cluster.start_worker().await?;
    let view = cluster.wait_session(id, "it is stopped", |s| s.state == "stopped").await?;
    ensure!(view.stop_verified.is_some(), "it does not say whether it is proved");
    cluster.prompt(id, "hello").await?;
    cluster.wait_session(id, "the next turn ended", |s| s.last_turn.as_ref().is_some_and(|t| t.number == 2)).await?;
    drop(events);
    cluster.end().await
}

/// Runner and agent stand still; a stop ends them all the same.
#[tokio::test]
async fn what_stands_still_can_be_stopped() -> Result<()> {
    let cluster = cluster().start().await?;
    for frozen in [Role::Agent, Role::Runner] {
        let created = cluster.create("DAEMON\nSLOW").await?;
        let id = created.session.id;
        let events = cluster.record(Topic::Session(id), created.cursor.seq)?;
        events.wait_text("w5 ").await?;
        let tree = cluster.tree(id).await?;
        freeze(if frozen == Role::Agent { tree.agent } else { tree.runner })?;
        let now = StopSession { mode: StopMode::Now, message: None };
        cluster.client()?.stop(id, &now, &CommandKey::fresh()).await?;
        let view = cluster.wait_session(id, "it is stopped", |s| s.state == "stopped").await?;
        ensure!(view.stop_verified == Some(true), "{frozen:?}: nothing is proved");
        ensure!(cluster.attempt_processes().is_empty(), "{frozen:?}: left are {:#?}", cluster.attempt_processes());
    }
    cluster.end().await
}

/// The server stands still for a while, as on a laptop that sleeps; nothing is lost and nothing is expired.
#[tokio::test]
async fn a_server_that_stood_still_goes_on() -> Result<()> {
    let cluster = cluster().start().await?;
    let done = cluster.home().work().join("done");
    let mut body = cluster.session_of("fake", &format!("STREAM 50 10000\nSTREAM 20000\nWRITE {} yes", done.display()));
    body.permissions = Some(convene_core::spec::PermissionMode::All);
    let created = cluster.client()?.create_session(&body, &CommandKey::fresh()).await?;
    let id = created.session.id;
    let events = cluster.record(Topic::Session(id), created.cursor.seq)?;
    events.wait_text("w5 ").await?;
    let server = cluster.server_pid().context("no server")?;
    freeze(server)?;
    wait_until("the agent is done", PATIENCE, async || Ok(done.exists())).await?;
    thaw(server)?;
    let view = cluster.wait_idle(id).await?;
    let turn = view.last_turn.context("no turn has ended")?;
    ensure!(turn.stop_reason == StopReason::EndTurn, "it ended by {:?}: {:?}", turn.stop_reason, turn.failure);
    let log = cluster.log(id).await?;
    let whole: String = (1..=50).chain(1..=20_000).map(|n| format!("w{n} ")).collect();
    ensure!(log.text(turn.id).starts_with(&whole), "{} bytes of {} are there", log.text(turn.id).len(), whole.len());
    events.wait("the client has all", |seen| seen.last() == log.events.len() as u64).await?;
    log.is_all_of(&events.seen(), created.cursor.seq)?;
    drop(events);
    cluster.end().await
}

/// A secret of the agent's environment is nowhere: not in events, not in logs, not in any file.
#[tokio::test]
async fn a_secret_stays_where_it_is() -> Result<()> {
    const SECRET: &str = "canary-5f2b8c1e9d7a4036";
    let cluster = cluster()
        .environment("CANARY_SOURCE", SECRET)
        .config("[agents.keyed.env]\nFAKE_API_KEY = \"env:CANARY_SOURCE\"")
        .fake_as("keyed", &[])
        .start()
        .await?;
    let mut body = cluster.session_of("keyed", "TERM printenv FAKE_API_KEY\nLATE");
    body.permissions = Some(convene_core::spec::PermissionMode::All);
    let created = cluster.client()?.create_session(&body, &CommandKey::fresh()).await?;
    let view = cluster.wait_idle(created.session.id).await?;
    let log = cluster.log(view.id).await?;
    let turn = view.last_turn.clone().context("no turn has ended")?;
    ensure!(log.text(turn.id).contains("exit 0"), "the terminal did not run: {:?}", log.text(turn.id));
    for event in &log.events {
        ensure!(!event.json.contains(SECRET), "it is in {}", event.json);
    }
    ensure!(!serde_json::to_string(&view)?.contains(SECRET), "it is in the session");
    // A session that ends leaves nothing behind either.
    cluster.client()?.stop(view.id, &StopSession::default(), &CommandKey::fresh()).await?;
    cluster.wait_session(view.id, "it is stopped", |s| s.state == "stopped").await?;
    for file in files_below(cluster.home().root())? {
        // Sockets and what is gone by now have no text.
        let bytes = std::fs::read(&file).unwrap_or_default();
        let found = bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes());
        ensure!(!found, "it is in {}", file.display());
    }
    cluster.end().await
}

fn files_below(directory: &std::path::Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() && !path.is_symlink() {
            files.extend(files_below(&path)?);
        } else {
            files.push(path);
        }
    }
    Ok(files)
}

/// A client that takes nothing costs nobody anything: others have everything, and the server stays small.
#[tokio::test]
async fn a_client_that_takes_nothing_is_nobodys_burden() -> Result<()> {
    const LINES: usize = 250;
    let cluster = cluster().start().await?;
    let created = cluster.create("").await?;
    let id = created.session.id;
    let mut deaf = Vec::new();
    for _ in 0..5 {
        deaf.push(cluster.record_without_reading(Topic::Session(id), 0).await?);
    }
    let events = cluster.record(Topic::Session(id), created.cursor.seq)?;
    let server = cluster.server_pid().context("no server")?;
    let before = resident(server)?;
    cluster.prompt(id, &"LINE 100000\nTOOL\n".repeat(LINES)).await?;
    events.wait("the turn ended", |seen| seen.count("turn_ended") > 0).await?;
    let after = resident(server)?;
    let log = cluster.log(id).await?;
    log.is_all_of(&events.seen(), created.cursor.seq)?;
    println!("{} MB before, {} MB after {} MB", before >> 20, after >> 20, (LINES * 100_000) >> 20);
    ensure!(after < before + (80 << 20), "the server grew from {before} to {after} bytes");
    drop((deaf, events));
    cluster.end().await
}

/// The most that a process ever had in memory, in bytes.
fn resident(pid: i32) -> Result<usize> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<usize>()? << 10)
}

/// More clients than the server has descriptors: it serves those that it can, and all again when they leave.
#[tokio::test]
async fn too_few_descriptors_are_no_end() -> Result<()> {
    let cluster = cluster().descriptors(80).start().await?;
    let created = cluster.create("SLOW").await?;
    let id = created.session.id;
    let events = cluster.record(Topic::Session(id), created.cursor.seq)?;
    events.wait_text("w5 ").await?;
    let address = cluster.url().trim_start_matches("http://").to_owned();
    let mut crowd = Vec::new();
    for _ in 0..150 {
        crowd.push(std::net::TcpStream::connect(&address)?);
    }
    // The stream that is there goes on.
    let seen = events.seen().text.len();
    events.wait("the stream goes on", |now| now.text.len() > seen + 200).await?;
    drop(crowd);
    let client = cluster.client()?;
    wait_until("the server answers again", PATIENCE, async || Ok(client.status().await.is_ok())).await?;
    let more = cluster.create("hello").await?;
    cluster.wait_idle(more.session.id).await?;
    drop(events);
    cluster.end().await
}

/// The disk under the data directory is full: what cannot be kept is refused, what is there is served, and with room
/// again everything goes on by itself.
#[tokio::test]
async fn a_full_disk_refuses_and_recovers() -> Result<()> {
    let cluster = cluster().prepare()?;
    std::fs::create_dir_all(cluster.home().data())?;
    let Some(disk) = SmallDisk::mount(&cluster).await? else {
        println!("no file system can be mounted here; not tried");
        return cluster.end().await;
    };
    let client = disk.client(&cluster)?;
    let body = cluster.session_of("fake", "hello");
    let first = client.create_session(&body, &CommandKey::fresh()).await?;

    disk.fill()?;
    // Room in the file that is there may still take some.
    let mut refused = None;
    let impatient = client.clone().patience(Duration::ZERO);
    for _ in 0..2000 {
        match impatient.create_session(&cluster.session_of("fake", ""), &CommandKey::fresh()).await {
            Ok(_) => {}
            Err(ClientError::Problem(problem)) => {
                refused = Some(problem);
                break;
            }
            Err(error) => return Err(error.into()),
        }
    }
    let problem = refused.context("a full disk takes everything")?;
    ensure!(problem.code == Code::StorageFull, "it is refused by {problem:?}");
    ensure!(problem.http_status() == 503 && problem.hint.is_some(), "it is refused by {problem:?}");
    let view = client.session(&first.session.id.to_string()).await.context("what is there is not served")?;
    ensure!(view.queue_length == 1, "it is {view:#?}");
    let listed = client.sessions(&SessionsQuery::default()).await?.items.len();

    disk.make_room()?;
    let body = cluster.session_of("fake", "after it");
    wait_until("it takes commands again", PATIENCE, async || {
        match impatient.create_session(&body, &CommandKey::fresh()).await {
            Ok(_) => Ok(true),
            Err(ClientError::Problem(problem)) if problem.code == Code::StorageFull => Ok(false),
            Err(error) => Err(error.into()),
        }
    })
    .await?;
    ensure!(client.sessions(&SessionsQuery::default()).await?.items.len() >= listed.min(50), "sessions are lost");
    disk.unmount().await?;
    cluster.end().await
}

/// A server whose data directory is a small file system of its own, in a namespace of its own.
struct SmallDisk {
    server: Running,
    data: PathBuf,
}

impl SmallDisk {
    async fn mount(cluster: &Cluster) -> Result<Option<Self>> {
        let data = cluster.home().data();
        let bind = cluster.url().trim_start_matches("http://").to_owned();
        let script = format!(
            "mount -t tmpfs -o size=6m tmpfs '{data}' && exec '{binary}' serve --bind {bind} --no-worker --data-dir '{data}'",
            data = data.display(),
            binary = env!("CARGO_BIN_EXE_convene"),
        );
        let mut try_one = std::process::Command::new("unshare");
        try_one.args(["-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).current_dir("/");
        let possible = try_one.output().is_ok_and(|output| output.status.success());
        if !possible {
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
