//! Says what a cluster is to be.

use std::path::PathBuf;

use anyhow::Result;

use super::{Cluster, Home, binaries, process};

/// What a cluster is to be.
pub struct Builder {
    binary: PathBuf,
    worker_apart: bool,
    fake_flags: Vec<String>,
    more_fakes: Vec<(String, Vec<String>)>,
    config: String,
    agents: Vec<(String, Vec<String>)>,
    environment: Vec<(String, String)>,
    descriptors: Option<u64>,
}

impl Cluster {
    /// Begins a cluster of the binary `convene`: in its own tests `env!("CARGO_BIN_EXE_convene")`.
    pub fn of(binary: impl Into<PathBuf>) -> Builder {
        Builder {
            binary: binary.into(),
            worker_apart: false,
            fake_flags: Vec::new(),
            more_fakes: Vec::new(),
            config: String::new(),
            agents: Vec::new(),
            environment: Vec::new(),
            descriptors: None,
        }
    }

    /// Gives servers and workers that are started from now on a variable.
    pub fn set_environment(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }
}

impl Builder {
    /// Runs the worker as a process of its own.
    #[must_use]
    pub fn worker_apart(mut self) -> Self {
        self.worker_apart = true;
        self
    }

    /// Gives the agent `fake` these flags.
    #[must_use]
    pub fn fake(mut self, flags: &[&str]) -> Self {
        self.fake_flags = flags.iter().map(ToString::to_string).collect();
        self
    }

    /// Adds an agent: the fake one with other flags.
    #[must_use]
    pub fn fake_as(self, name: &str, flags: &[&str]) -> Self {
        let fake = binaries::fake_agent(&self.binary);
        let command: Vec<&str> =
            std::iter::once(fake.to_str().unwrap_or_default()).chain(flags.iter().copied()).collect();
        self.agent(name, &command)
    }

    /// Adds an agent: the fake one with other flags, which leaves the same marks and receipts as `fake`.
    #[must_use]
    pub fn fake_beside(mut self, name: &str, flags: &[&str]) -> Self {
        self.more_fakes.push((name.to_owned(), flags.iter().map(ToString::to_string).collect()));
        self
    }

    /// Adds an agent.
    #[must_use]
    pub fn agent(mut self, name: &str, command: &[&str]) -> Self {
        self.agents.push((name.to_owned(), command.iter().map(ToString::to_string).collect()));
        self
    }

    /// Adds lines to the config file.
    #[must_use]
    pub fn config(mut self, toml: &str) -> Self {
        self.config.push_str(toml);
        self.config.push('\n');
        self
    }

    /// Gives server and worker a variable.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Gives server and worker no more descriptors than this.
    #[must_use]
    pub fn descriptors(mut self, most: u64) -> Self {
        self.descriptors = Some(most);
        self
    }

    /// Makes the home without starting anything.
    pub fn prepare(self) -> Result<Cluster> {
        let home = Home::create()?;
        let fake = binaries::fake_agent(&self.binary);
        let receipts = home.receipts().to_string_lossy().into_owned();
        let marks = ["--marker".to_owned(), home.name(), "--receipts".to_owned(), receipts];
        let program = fake.to_string_lossy().into_owned();
        let fakes = std::iter::once(("fake".to_owned(), self.fake_flags)).chain(self.more_fakes);
        let mut agents: Vec<(String, Vec<String>)> = fakes
            .map(|(name, flags)| {
                (name, std::iter::once(program.clone()).chain(flags).chain(marks.iter().cloned()).collect())
            })
            .collect();
        agents.extend(self.agents);
        home.write_config(&self.config, &agents)?;
        Ok(Cluster {
            port: process::free_port()?,
            home,
            binary: self.binary,
            worker_apart: self.worker_apart,
            environment: self.environment,
            descriptors: self.descriptors,
            server: None,
            worker: None,
            ended: false,
        })
    }

    /// Starts the server, and the worker if it is apart, and waits until both are there.
    pub async fn start(self) -> Result<Cluster> {
        let mut cluster = self.prepare()?;
        cluster.start_server().await?;
        if cluster.worker_apart {
            cluster.start_worker().await?;
        }
        cluster.worker_connected().await?;
        Ok(cluster)
    }
}
