//! A terminal of its own for a command: a pseudo-terminal with a model of the screen, keys, resizes, and what became of
//! its modes.

use std::{
    fs::File,
    io::{Read as _, Write},
    num::NonZeroU16,
    os::unix::fs::OpenOptionsExt as _,
    process::{Command, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};

use crate::cluster::{PATIENCE, wait_until};

/// Rows above the screen that are kept.
const SCROLLBACK: usize = 100_000;

/// What is written behind the last words of a command that has ended: a sequence that no screen shows.
const END: &[u8] = b"\x1b]7777;the end\x07";

/// A command in a terminal.
pub struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    seen: Arc<Mutex<Seen>>,
    name: String,
    /// The name of its device, held open so that its modes can be read after the command has ended.
    device: File,
}

/// What the command wrote.
struct Seen {
    raw: Vec<u8>,
    /// How often its end was marked.
    ends: usize,
    screen: vt100::Parser,
}

impl Seen {
    /// Takes in what came. The mark of the end is no part of it, also where it comes in two pieces.
    fn take(&mut self, bytes: &[u8]) {
        let from = self.raw.len().saturating_sub(END.len());
        self.raw.extend_from_slice(bytes);
        self.screen.process(bytes);
        if let Some(place) = self.raw[from..].windows(END.len()).position(|window| window == END) {
            self.raw.truncate(from + place);
            self.ends += 1;
        }
    }
}

impl Terminal {
    /// Starts a command in a terminal of so many columns and rows.
    ///
    /// # Errors
    /// If there is no pseudo-terminal, or the command does not start.
    pub fn start(command: &Command, columns: u16, rows: u16) -> Result<Self> {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size)?;
        let mut builder = CommandBuilder::new(command.get_program());
        builder.args(command.get_args());
        builder.env_clear();
        builder.env("TERM", "xterm-256color");
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                builder.env(name, value);
            }
        }
        if let Some(directory) = command.get_current_dir() {
            builder.cwd(directory);
        }
        let name = pair.master.tty_name().context("the terminal has no name")?.to_string_lossy().into_owned();
        let noctty = i32::try_from(rustix::fs::OFlags::NOCTTY.bits())?;
        let device = File::options().read(true).write(true).custom_flags(noctty).open(&name)?;
        let child = pair.slave.spawn_command(builder)?;
        drop(pair.slave);
        let seen =
            Seen { raw: Vec::new(), ends: 0, screen: vt100::Parser::new(size_of(rows), size_of(columns), SCROLLBACK) };
        let seen = Arc::new(Mutex::new(seen));
        let mut reader = pair.master.try_clone_reader()?;
        let into = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut buffer = [0; 64 * 1024];
            // A read fails once nobody has the other side open.
            while let Ok(read @ 1..) = reader.read(&mut buffer) {
                lock(&into).take(&buffer[..read]);
            }
        });
        let keys = pair.master.take_writer()?;
        Ok(Self { child, master: pair.master, keys, seen, name, device })
    }

    /// Types.
    ///
    /// # Errors
    /// If the terminal is gone.
    pub fn keys(&mut self, keys: &str) -> Result<()> {
        self.keys.write_all(keys.as_bytes())?;
        Ok(self.keys.flush()?)
    }

    /// Changes its size.
    ///
    /// # Errors
    /// If the terminal is gone.
    pub fn resize(&mut self, columns: u16, rows: u16) -> Result<()> {
        self.master.resize(PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 })?;
        lock(&self.seen).screen.screen_mut().set_size(size_of(rows), size_of(columns));
        Ok(())
    }

    /// Every byte that was written to it.
    pub fn raw(&self) -> Vec<u8> {
        lock(&self.seen).raw.clone()
    }

    /// What the screen shows, row by row.
    pub fn screen(&self) -> String {
        lock(&self.seen).screen.screen().contents()
    }

    /// Everything that was ever on the screen and was not taken away: what scrolled out, then what is shown; a line that
    /// the terminal wrapped is one line.
    pub fn history(&self) -> String {
        let mut seen = lock(&self.seen);
        let screen = seen.screen.screen_mut();
        let (rows, columns) = screen.size();
        let (rows, columns) = (rows.get(), columns.get());
        screen.set_scrollback(usize::MAX);
        let mut offset = screen.scrollback();
        let mut text = String::new();
        let mut lines = 0;
        let total = offset + usize::from(rows);
        while lines < total {
            screen.set_scrollback(offset);
            let skip = if offset == 0 { lines + usize::from(rows) - total } else { 0 };
            for row in skip..usize::from(rows) {
                let row_ = u16::try_from(row).unwrap_or(u16::MAX);
                let shown = screen.rows(0, columns).nth(row).unwrap_or_default();
                text.push_str(&shown);
                if !screen.row_wrapped(row_) {
                    text.push('\n');
                }
                lines += 1;
                if lines == total {
                    break;
                }
            }
            offset = offset.saturating_sub(usize::from(rows));
        }
        screen.set_scrollback(0);
        text.trim_end().to_owned()
    }

    /// Waits until something is on the screen or above it.
    ///
    /// # Errors
    /// If it does not come; the error has the screen.
    pub async fn wait_for(&mut self, text: &str) -> Result<()> {
        self.wait_until(&format!("{text:?} is on the screen"), |terminal| terminal.history().contains(text)).await
    }

    /// Waits until something is true of the terminal.
    ///
    /// # Errors
    /// If it does not become true; the error has the screen.
    pub async fn wait_until(&mut self, what: &str, is: impl Fn(&Self) -> bool) -> Result<()> {
        let waited = wait_until(what, PATIENCE, async || Ok(is(self))).await;
        waited.with_context(|| format!("the screen is:\n{}", self.history()))
    }

    /// The process of the command.
    ///
    /// # Errors
    /// If it has none.
    pub fn pid(&self) -> Result<i32> {
        Ok(i32::try_from(self.child.process_id().context("no process")?)?)
    }

    /// Sends the command a signal.
    ///
    /// # Errors
    /// If it has ended.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let pid = Pid::from_raw(self.pid()?).context("a process id of zero")?;
        Ok(kill_process(pid, signal)?)
    }

    /// The modes of the terminal, as `stty -a` says them.
    ///
    /// # Errors
    /// If `stty` fails.
    pub fn modes(&self) -> Result<String> {
        let stdin = Stdio::from(self.device.try_clone()?);
        let output = Command::new("stty").arg("-a").stdin(stdin).output()?;
        ensure!(output.status.success(), "stty failed on {}", self.name);
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Waits for the end and answers the exit code; a command that a signal ended has 128 and its number.
    ///
    /// # Errors
    /// If it goes on.
    pub async fn end(&mut self) -> Result<u32> {
        self.end_within(PATIENCE).await
    }

    /// As [`Self::end`], but not for longer than this.
    ///
    /// # Errors
    /// If it goes on.
    pub async fn end_within(&mut self, patience: Duration) -> Result<u32> {
        let mut status = None;
        let waited = wait_until("the command has ended", patience, async || {
            status = self.child.try_wait()?;
            Ok(status.is_some())
        })
        .await;
        waited.with_context(|| format!("the screen is:\n{}", self.history()))?;
        // What it wrote last is on its way through the terminal, and what is written now comes behind it.
        let before = lock(&self.seen).ends;
        self.device.write_all(END)?;
        wait_until("its last words are read", patience, async || Ok(lock(&self.seen).ends > before)).await?;
        match status {
            Some(status) => Ok(status.exit_code()),
            None => bail!("it has no status"),
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn size_of(cells: u16) -> NonZeroU16 {
    NonZeroU16::new(cells).unwrap_or(NonZeroU16::MIN)
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
