//! Terminals that the runner holds for its agent: commands with their output, each in a process group of its own.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    ffi::OsString,
    io,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal};
use serde_json::{Value, json};
use tokio::{
    io::AsyncReadExt as _,
    net::unix::pipe,
    sync::mpsc,
    task::{AbortHandle, JoinSet},
    time::Instant,
};

use crate::{
    acp::{
        connection::{Responder, RpcError},
        content::{items, text},
    },
    process::Exit,
    runner::agent::in_own_session,
};

/// Output that is kept if the agent names no limit, in bytes.
const LIMIT: usize = 1 << 20;
/// The highest limit that an agent gets.
const LIMIT_MAX: usize = 16 << 20;
/// So much of the end of an output is remembered of a terminal that was released, and told in the log, in bytes.
const LOGGED: usize = 64 << 10;
/// So many released ones are remembered.
const RELEASED: usize = 8;
/// Terminals that an agent may hold at a time.
const TERMINALS: usize = 64;
/// How long the output of an ended command is waited for: its children may hold the pipe for ever.
const DRAIN: Duration = Duration::from_millis(200);

/// What comes from a terminal.
#[derive(Debug)]
pub(crate) enum TerminalEvent {
    /// Output.
    Output {
        /// The terminal.
        id: u64,
        /// What it wrote.
        bytes: Vec<u8>,
    },
    /// Nobody can write to it any more.
    End {
        /// The terminal.
        id: u64,
    },
}

/// All terminals of an agent.
#[derive(Debug)]
pub(crate) struct Terminals {
    events: mpsc::Sender<TerminalEvent>,
    next: u64,
    open: HashMap<u64, Terminal>,
    /// What the last ones printed that were released: agents tell the end of a call after that.
    released: VecDeque<(u64, String)>,
}

#[derive(Debug)]
struct Terminal {
    pid: i32,
    output: Vec<u8>,
    limit: usize,
    truncated: bool,
    exit: Option<Exit>,
    /// Its exit is told from here on, or once its output has ended.
    told_at: Option<Instant>,
    waiting: Vec<Responder>,
    reader: AbortHandle,
}

impl Terminals {
    pub(crate) fn new(events: mpsc::Sender<TerminalEvent>) -> Self {
        Self { events, next: 1, open: HashMap::new(), released: VecDeque::new() }
    }

    /// Starts a command. Must be called on the main thread, as the start of an agent.
    pub(crate) fn create(
        &mut self,
        params: &Value,
        cwd: &Path,
        mut environment: BTreeMap<OsString, OsString>,
        tasks: &mut JoinSet<()>,
    ) -> Result<Value, RpcError> {
        if self.open.len() >= TERMINALS {
            return Err(RpcError::new(RpcError::INTERNAL, format!("{TERMINALS} terminals are open, release some")));
        }
        let program = text(params, "command").filter(|program| !program.is_empty());
        let program = program.ok_or_else(|| RpcError::new(RpcError::INVALID_PARAMS, "command is missing"))?;
        let arguments = items(params.get("args").cloned());
        for variable in items(params.get("env").cloned()) {
            if let (Some(name), Some(value)) = (text(&variable, "name"), text(&variable, "value")) {
                environment.insert(name.into(), value.into());
            }
        }
        // Some agents put a whole line into `command`.
        let is_line = arguments.is_empty() && program.contains(char::is_whitespace) && !Path::new(&program).exists();
        let mut command = Command::new(if is_line { "/bin/sh" } else { program.as_str() });
        if is_line {
            command.args(["-c", program.as_str()]);
        }
        command.args(arguments.iter().filter_map(Value::as_str)).env_clear().envs(environment).current_dir(cwd);
        let (pid, output) =
            start(&mut command).map_err(|error| RpcError::new(RpcError::INTERNAL, format!("{program}: {error}")))?;
        let id = self.next;
        self.next += 1;
        let limit = params.get("outputByteLimit").and_then(Value::as_u64);
        let limit = limit.map_or(LIMIT, |limit| usize::try_from(limit).unwrap_or(LIMIT_MAX).min(LIMIT_MAX));
        let reader = tasks.spawn(read(id, output, self.events.clone()));
        let (output, waiting) = (Vec::new(), Vec::new());
        let terminal = Terminal { pid, output, limit, truncated: false, exit: None, told_at: None, waiting, reader };
        self.open.insert(id, terminal);
        Ok(json!({"terminalId": name_of(id)}))
    }

    pub(crate) fn output(&self, params: &Value) -> Result<Value, RpcError> {
        let terminal = self.find(params)?;
        let mut answer = json!({"output": terminal.text(), "truncated": terminal.truncated});
        if let Some(exit) = terminal.exit {
            answer["exitStatus"] = exit_status(exit);
        }
        Ok(answer)
    }

    pub(crate) fn wait_for_exit(&mut self, params: &Value, responder: Responder) {
        match self.find_mut(params) {
            Ok(terminal) => match terminal.exit {
                Some(exit) if terminal.told_at.is_none() => responder.respond(Ok(exit_status(exit))),
                Some(_) | None => terminal.waiting.push(responder),
            },
            Err(error) => responder.respond(Err(error)),
        }
    }

    pub(crate) fn kill(&mut self, params: &Value) -> Result<Value, RpcError> {
        let terminal = self.find(params)?;
        terminal.kill();
        Ok(json!({}))
    }

    /// Forgets a terminal; its command is killed if it still runs.
    pub(crate) fn release(&mut self, params: &Value) -> Result<Value, RpcError> {
        let id = id_of(params)?;
        let terminal = self.open.remove(&id).ok_or_else(|| not_found(params))?;
        terminal.kill();
        if self.released.len() >= RELEASED {
            self.released.pop_front();
        }
        self.released.push_back((id, terminal.end_of_text()));
        terminal.reader.abort();
        for responder in terminal.waiting {
            responder.respond(Err(RpcError::new(RpcError::INTERNAL, "the terminal was released")));
        }
        Ok(json!({}))
    }

    /// The end of what the command of a terminal printed, also if it was released not long ago.
    pub(crate) fn printed(&self, name: &str) -> Option<String> {
        let id: u64 = name.strip_prefix("term_")?.parse().ok()?;
        let released = || self.released.iter().find(|(known, _)| *known == id).map(|(_, text)| text.clone());
        self.open.get(&id).map(Terminal::end_of_text).or_else(released)
    }

    pub(crate) fn on_event(&mut self, event: TerminalEvent) {
        match event {
            TerminalEvent::Output { id, bytes } => {
                if let Some(terminal) = self.open.get_mut(&id) {
                    terminal.take(&bytes);
                }
            }
            TerminalEvent::End { id } => {
                if let Some(terminal) = self.open.get_mut(&id).filter(|terminal| terminal.exit.is_some()) {
                    terminal.tell_exit();
                }
            }
        }
    }

    /// A child of the runner ended; it may have been one of these.
    pub(crate) fn on_exit(&mut self, pid: i32, exit: Exit, now: Instant) {
        if let Some(terminal) = self.open.values_mut().find(|terminal| terminal.pid == pid && terminal.exit.is_none()) {
            terminal.exit = Some(exit);
            if terminal.reader.is_finished() {
                terminal.tell_exit();
            } else {
                terminal.told_at = Some(now + DRAIN);
            }
        }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.open.values().filter_map(|terminal| terminal.told_at).min()
    }

    pub(crate) fn on_time(&mut self, now: Instant) {
        for terminal in self.open.values_mut() {
            if terminal.told_at.is_some_and(|at| now >= at) {
                terminal.tell_exit();
            }
        }
    }

    fn find(&self, params: &Value) -> Result<&Terminal, RpcError> {
        self.open.get(&id_of(params)?).ok_or_else(|| not_found(params))
    }

    fn find_mut(&mut self, params: &Value) -> Result<&mut Terminal, RpcError> {
        self.open.get_mut(&id_of(params)?).ok_or_else(|| not_found(params))
    }
}

impl Terminal {
    fn take(&mut self, bytes: &[u8]) {
        self.output.extend_from_slice(bytes);
        // Cut in large steps, so that each byte is moved once.
        if self.output.len() > self.limit.saturating_mul(2).max(64 << 10) {
            self.cut();
        }
    }

    fn cut(&mut self) {
        let surplus = self.output.len().saturating_sub(self.limit);
        self.output.drain(..surplus);
        self.truncated |= surplus > 0;
    }

    /// The end of the output, within its limit, beginning with a whole character.
    fn text(&self) -> String {
        let surplus = self.output.len().saturating_sub(self.limit);
        let mut kept = &self.output[surplus..];
        if surplus > 0 || self.truncated {
            let begins = kept.iter().take(3).position(|byte| byte & 0b1100_0000 != 0b1000_0000).unwrap_or(0);
            kept = &kept[begins..];
        }
        String::from_utf8_lossy(kept).into_owned()
    }

    /// As much of it as belongs into a log.
    fn end_of_text(&self) -> String {
        let text = self.text();
        let from = text.ceil_char_boundary(text.len().saturating_sub(LOGGED));
        if from == 0 { text } else { format!("... {from} bytes left out ...\n{}", &text[from..]) }
    }

    fn tell_exit(&mut self) {
        self.told_at = None;
        self.cut();
        if let Some(exit) = self.exit {
            for responder in self.waiting.drain(..) {
                responder.respond(Ok(exit_status(exit)));
            }
        }
    }

    fn kill(&self) {
        // A reaped leader's pid may belong to somebody else; what is left of the group is the stop's affair.
        if self.exit.is_none()
            && let Some(pid) = Pid::from_raw(self.pid)
        {
            let _ = rustix::process::kill_process_group(pid, Signal::KILL);
        }
    }
}

/// Starts a command with both outputs in one pipe.
fn start(command: &mut Command) -> io::Result<(i32, pipe::Receiver)> {
    let (output, stdout) = io::pipe()?;
    let stderr = stdout.try_clone()?;
    command.stdin(Stdio::null()).stdout(stdout).stderr(stderr);
    in_own_session(command);
    let child = command.spawn()?;
    let pid = child.id().cast_signed();
    // Closes our copies of the writing end with it; the status is collected by the runner's one waiter.
    *command = Command::new("");
    Ok((pid, pipe::Receiver::from_owned_fd(output.into())?))
}

async fn read(id: u64, mut output: pipe::Receiver, events: mpsc::Sender<TerminalEvent>) {
    let mut buffer = vec![0; 8 << 10];
    while let Ok(length @ 1..) = output.read(&mut buffer).await {
        let bytes = buffer[..length].to_vec();
        if events.send(TerminalEvent::Output { id, bytes }).await.is_err() {
            return;
        }
    }
    let _ = events.send(TerminalEvent::End { id }).await;
}

fn exit_status(exit: Exit) -> Value {
    match exit {
        Exit::Code(code) => json!({"exitCode": code.cast_unsigned()}),
        Exit::Signal(signal) => json!({"signal": signal_name(signal)}),
    }
}

fn signal_name(signal: i32) -> String {
    match signal {
        libc::SIGHUP => "SIGHUP".to_owned(),
        libc::SIGINT => "SIGINT".to_owned(),
        libc::SIGQUIT => "SIGQUIT".to_owned(),
        libc::SIGABRT => "SIGABRT".to_owned(),
        libc::SIGKILL => "SIGKILL".to_owned(),
        libc::SIGSEGV => "SIGSEGV".to_owned(),
        libc::SIGPIPE => "SIGPIPE".to_owned(),
        libc::SIGTERM => "SIGTERM".to_owned(),
        other => other.to_string(),
    }
}

fn name_of(id: u64) -> String {
    format!("term_{id}")
}

fn id_of(params: &Value) -> Result<u64, RpcError> {
    let id = text(params, "terminalId").and_then(|id| id.strip_prefix("term_")?.parse().ok());
    id.ok_or_else(|| not_found(params))
}

fn not_found(params: &Value) -> RpcError {
    let id = text(params, "terminalId").unwrap_or_default();
    RpcError::new(RpcError::NOT_FOUND, format!("there is no terminal {id}"))
}
