//! B10: from exec to `/readyz`, in a new home and in one with a store; the size of the binary; an idle server's memory.

use std::{
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use convene_testkit::cluster::Cluster;
use rustix::process::{Pid, Signal, kill_process};

use crate::{
    Plan,
    figures::{Report, Target},
    http::Connection,
    process,
};

/// How long a server may take to be ready.
const PATIENCE: Duration = Duration::from_secs(30);

/// For so long a server is left alone before it counts as idle.
const SETTLE: Duration = Duration::from_secs(5);

/// Measures it.
pub fn run(plan: &Plan) -> Result<Report> {
    let mut report = plan.report("start");
    let binary = plan.program("convene").canonicalize()?;
    let megabytes = |bytes: u64| Duration::from_micros(bytes).as_secs_f64();
    report.ours("binary", "MB", megabytes(std::fs::metadata(&binary)?.len()));
    for round in 0..plan.rounds {
        let cluster = Cluster::of(&binary).prepare()?;
        let port: u16 = cluster.url().rsplit(':').next().context("no port")?.parse()?;
        let bind = format!("127.0.0.1:{port}");
        for name in ["a new home", "a home with a store"] {
            let mut server = Server::start(cluster.command(&["serve", "--bind", &bind]))?;
            let ready = server.ready(port)?;
            report.ours(&format!("exec to ready, {name}"), "ms", ready.as_secs_f64() * 1e3);
            if name == "a home with a store" && (round == 0 || plan.is_whole()) {
                server.settle(plan)?;
                let memory = process::memory(server.pid())?;
                report.ours("idle server: resident", "MB", megabytes(memory.resident));
                report.ours("idle server: anonymous", "MB", megabytes(memory.anonymous));
            }
            server.end()?;
        }
        drop(cluster);
    }
    report.target("exec to ready, a new home", Target::AtMost(100.0));
    report.target("exec to ready, a home with a store", Target::AtMost(100.0));
    report.target("binary", Target::AtMost(40.0));
    report.target("idle server: resident", Target::AtMost(25.0));
    Ok(report)
}

struct Server {
    child: Child,
    since: Instant,
}

impl Server {
    fn start(mut command: Command) -> Result<Self> {
        let since = Instant::now();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        Ok(Self { child, since })
    }

    fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// Asks again and again, as fast as it can, because half a millisecond counts.
    fn ready(&mut self, port: u16) -> Result<Duration> {
        loop {
            let answer = Connection::open(port, "").and_then(|mut c| c.send("GET", "/readyz", ""));
            let took = self.since.elapsed();
            if answer.is_ok_and(|answer| answer.status == 200) {
                return Ok(took);
            }
            ensure!(took < PATIENCE, "the server is not ready after {took:?}");
            ensure!(self.child.try_wait()?.is_none(), "the server has ended");
            std::thread::yield_now();
        }
    }

    /// Leaves it alone, and sees to it that it lives.
    fn settle(&mut self, plan: &Plan) -> Result<()> {
        let settle = if plan.is_whole() { SETTLE } else { SETTLE / 5 };
        #[expect(clippy::disallowed_methods, reason = "nothing is to happen in this time, which is what is measured")]
        std::thread::sleep(settle);
        ensure!(self.child.try_wait()?.is_none(), "the server has ended");
        Ok(())
    }

    fn end(mut self) -> Result<()> {
        kill_process(Pid::from_raw(self.pid()).context("no pid")?, Signal::TERM)?;
        ensure!(self.child.wait()?.success(), "the server did not end in order");
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Of one that has ended nothing is left to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
