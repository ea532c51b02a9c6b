//! Starts a local server that outlives the command: `convene serve` in a session of its own, with its log in a file.

use std::{
    fs::{self, File, OpenOptions},
    io::{Read as _, Seek as _, SeekFrom},
    net::{SocketAddr, TcpListener},
    os::unix::{fs::OpenOptionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use convene_api::problem::{Code, Problem};
use tokio::time::{Instant, sleep};

use crate::{app::App, failure::Failure};

/// How long a server may take to answer.
const DEADLINE: Duration = Duration::from_secs(20);
/// The pause before a server is started again, because another one was still in its place.
const AGAIN: Duration = Duration::from_millis(100);
/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(15);

/// Starts a server and waits until it answers.
pub async fn start(app: &App) -> Result<(), Failure> {
    let log_path = app.data_dir.join("logs").join("server.log");
    let started = Instant::now();
    loop {
        let (log, from) = open_log(&log_path).map_err(|error| {
            let fields = [("what", log_path.display().to_string().into()), ("cause", error.to_string().into())];
            Failure::from(Problem::filled(Code::StorageReadonly, fields))
        })?;
        let child = spawn(app, log).map_err(|error| failed(&error.to_string()))?;
        match answered(app, child, started).await? {
            Started::Answers => return Ok(()),
            // Another server has the data directory, or had it a moment ago and is on its way out.
            Started::Ended if lost_race(&log_path, from) && started.elapsed() < DEADLINE => sleep(AGAIN).await,
            Started::Ended => return Err(failed(&last_words(&log_path, from))),
        }
    }
}

/// What became of a server.
enum Started {
    /// It answers, or another one does.
    Answers,
    /// It ended, and nobody answers.
    Ended,
}

async fn answered(app: &App, mut child: Child, started: Instant) -> Result<Started, Failure> {
    loop {
        // In this order: one that ended because another answers is no failure.
        let ended = child.try_wait().is_ok_and(|status| status.is_some());
        if super::local(app).await.is_ok() {
            return Ok(Started::Answers);
        }
        if ended {
            return Ok(Started::Ended);
        }
        if started.elapsed() > DEADLINE {
            return Err(failed(&format!("it did not answer within {} s", DEADLINE.as_secs())));
        }
        sleep(PAUSE).await;
    }
}

fn open_log(path: &Path) -> std::io::Result<(File, u64)> {
    use std::os::unix::fs::DirBuilderExt as _;
    if let Some(dir) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    }
    let log = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    let from = log.metadata()?.len();
    Ok((log, from))
}

fn spawn(app: &App, log: File) -> std::io::Result<Child> {
    let errors = log.try_clone()?;
    let mut command = Command::new(own_binary()?);
    command
        .arg0("convene")
        .arg("serve")
        .arg("--detached")
        .arg("--bind")
        .arg(free_address(&app.config.server.bind))
        .arg("--data-dir")
        .arg(&app.data_dir)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors);
    if let Some(config) = &app.globals.config {
        command.arg("--config").arg(std::path::absolute(config)?);
    }
    command.spawn()
}

/// The file that this process runs, even if it was replaced since.
fn own_binary() -> std::io::Result<PathBuf> {
    if cfg!(target_os = "linux") { Ok(PathBuf::from("/proc/self/exe")) } else { std::env::current_exe() }
}

/// The address of the config if it is free, else a free port beside it.
fn free_address(wanted: &str) -> String {
    let Ok(address) = wanted.parse::<SocketAddr>() else { return wanted.to_owned() };
    match TcpListener::bind(address) {
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => SocketAddr::new(address.ip(), 0).to_string(),
        _ => wanted.to_owned(),
    }
}

/// Whether the server ended because another one has the data directory; that one answers soon.
fn lost_race(log: &Path, from: u64) -> bool {
    read_from(log, from).contains(Code::ServerAlreadyRunning.as_str())
}

/// The last thing that the server said.
fn last_words(log: &Path, from: u64) -> String {
    let text = read_from(log, from);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    // The problem, if it ended with one; a hint below it is about the server, not about this command.
    let line = lines.iter().rev().find(|l| l.starts_with("error")).or(lines.last()).copied();
    line.unwrap_or("it said nothing").to_owned()
}

fn read_from(log: &Path, from: u64) -> String {
    let mut text = Vec::new();
    let read = File::open(log).and_then(|mut file| {
        file.seek(SeekFrom::Start(from))?;
        file.take(64 * 1024).read_to_end(&mut text)
    });
    match read {
        Ok(_) => String::from_utf8_lossy(&text).into_owned(),
        Err(error) => error.to_string(),
    }
}

fn failed(cause: &str) -> Failure {
    let mut problem = Problem::filled(Code::ServerStartFailed, [("cause", cause.into())]);
    // The cause is in the message already.
    problem.fields.remove("cause");
    problem.into()
}
