//! What is to fail, and the count that all processes of a plan share.
//!
//! The plan is one variable of the environment, `FAULT_SHIM_PLAN`, of fields `name=value` with `;` between them:
//!
//! | field | says |
//! |---|---|
//! | `dir` | only calls on files below this directory count |
//! | `word` | only in processes with this word in their command line; none: in all |
//! | `at` | the number of the call that fails, from 1 |
//! | `fault` | `eio`, `enospc`, `short`, `kill`, `kill-after` |
//! | `times` | how many calls fail, from that one on |
//! | `state` | a file of at least 16 bytes, outside `dir`: its first eight are the count |
//! | `trace` | `1`: every call that counts is put down in the file `state` + `.calls` |
//!
//! The calls that failed are put down in `state` + `.hits`, each in a line: number, function, process, path.

use std::{
    ffi::{CString, OsStr},
    os::{fd::AsRawFd as _, unix::ffi::OsStrExt as _},
    sync::atomic::{AtomicPtr, AtomicU64, Ordering},
};

use libc::{c_char, c_int};

/// The longest path that is looked at, in bytes.
pub(crate) const PATH: usize = 4096;

/// How a call fails.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Error(c_int),
    /// Half of it is done, and those after it find no room.
    Short,
    Kill,
    KillAfter,
}

/// What is to fail.
pub(crate) struct Plan {
    dir: Vec<u8>,
    at: u64,
    times: u64,
    fault: Fault,
    count: &'static AtomicU64,
    hits: CString,
    calls: Option<CString>,
}

/// What becomes of a call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Real,
    Fail(c_int),
    Half,
    RealThenKill,
}

/// What a call changes.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    /// An open file.
    Fd(c_int),
    /// A name, seen from an open directory.
    Name(c_int, *const c_char),
}

static PLAN: AtomicPtr<Plan> = AtomicPtr::new(std::ptr::null_mut());

#[used]
#[unsafe(link_section = ".init_array")]
static BEGIN: extern "C" fn() = begin;

/// Runs before the program does. A plan that cannot be read ends it: a test without its fault would pass.
extern "C" fn begin() {
    let Some(text) = std::env::var_os("FAULT_SHIM_PLAN") else { return };
    let text = text.to_string_lossy().into_owned();
    match Plan::read(&text) {
        Some(Some(plan)) => PLAN.store(Box::into_raw(Box::new(plan)), Ordering::Release),
        Some(None) => {}
        None => {
            eprintln!("fault-shim: not a plan: {text}");
            std::process::abort();
        }
    }
}

/// A field of a plan.
pub(crate) fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.split(';').find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
}

impl Plan {
    /// Reads it: `None` if it is none, `Some(None)` if it is not for this process.
    fn read(text: &str) -> Option<Option<Self>> {
        if let Some(word) = field(text, "word") {
            let line = std::fs::read("/proc/self/cmdline").ok()?;
            if !line.split(|byte| *byte == 0).any(|argument| argument == word.as_bytes()) {
                return Some(None);
            }
        }
        let fault = match field(text, "fault")? {
            "eio" => Fault::Error(libc::EIO),
            "enospc" => Fault::Error(libc::ENOSPC),
            "edquot" => Fault::Error(libc::EDQUOT),
            "short" => Fault::Short,
            "kill" => Fault::Kill,
            "kill-after" => Fault::KillAfter,
            _ => return None,
        };
        let number = |name: &str| field(text, name)?.parse::<u64>().ok();
        let state = field(text, "state")?;
        let beside = |end: &str| CString::new(format!("{state}{end}")).ok();
        Some(Some(Self {
            dir: field(text, "dir")?.as_bytes().to_vec(),
            at: number("at")?,
            times: number("times")?,
            fault,
            count: shared(OsStr::from_bytes(state.as_bytes()))?,
            hits: beside(".hits")?,
            calls: if field(text, "trace") == Some("1") { Some(beside(".calls")?) } else { None },
        }))
    }

    fn has(&self, path: &[u8]) -> bool {
        path.strip_prefix(self.dir.as_slice()).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    }

    fn judge(&self, name: &str, path: &[u8]) -> Verdict {
        let number = self.count.fetch_add(1, Ordering::SeqCst) + 1;
        if let Some(calls) = &self.calls {
            put_down(calls, number, name, path);
        }
        let Some(place) = number.checked_sub(self.at) else { return Verdict::Real };
        // What is left of a short write fails, which is one call more.
        let times = if self.fault == Fault::Short { self.times + 1 } else { self.times };
        if place >= times {
            return Verdict::Real;
        }
        put_down(&self.hits, number, name, path);
        match self.fault {
            Fault::Error(error) => Verdict::Fail(error),
            Fault::Short if place == 0 => Verdict::Half,
            Fault::Short => Verdict::Fail(libc::ENOSPC),
            Fault::Kill => die(),
            Fault::KillAfter => Verdict::RealThenKill,
        }
    }
}

/// What becomes of a call by this name. No memory is taken here: it may be in a signal handler, or between fork and exec.
pub(crate) fn meet(name: &str, place: Place) -> Verdict {
    let plan = PLAN.load(Ordering::Acquire);
    // SAFETY: it is null, or was made of a box that nobody ever frees, before the program began.
    let Some(plan) = (unsafe { plan.as_ref() }) else { return Verdict::Real };
    let before = errno();
    let mut buffer = [0; PATH];
    let verdict = match resolve(place, &mut buffer) {
        Some(path) if plan.has(path) => plan.judge(name, path),
        Some(_) | None => Verdict::Real,
    };
    set_errno(before);
    verdict
}

/// The path that a call means, as far as it can be told.
fn resolve(place: Place, buffer: &mut [u8; PATH]) -> Option<&[u8]> {
    match place {
        Place::Fd(fd) => {
            let length = read_link(fd, buffer)?;
            buffer.get(..length)
        }
        Place::Name(directory, name) => {
            if name.is_null() {
                return None;
            }
            // SAFETY: the caller gives a string of C, as to the real function.
            let name = unsafe { std::ffi::CStr::from_ptr(name) }.to_bytes();
            let start = if name.starts_with(b"/") { 0 } else { read_link(directory, buffer)? };
            let gap = usize::from(start > 0);
            if gap > 0 {
                *buffer.get_mut(start)? = b'/';
            }
            let end = start + gap + name.len();
            buffer.get_mut(start + gap..end)?.copy_from_slice(name);
            buffer.get(..end)
        }
    }
}

/// Where an open file is, or the working directory.
fn read_link(fd: c_int, buffer: &mut [u8; PATH]) -> Option<usize> {
    let mut link = Words::<40>::new();
    link.add(b"/proc/self/");
    if fd == libc::AT_FDCWD {
        link.add(b"cwd");
    } else {
        link.add(b"fd/");
        link.number(u64::try_from(fd).ok()?);
    }
    link.add(b"\0");
    // SAFETY: the first buffer is a string of C, the second is as long as is said.
    let length = unsafe {
        libc::syscall(libc::SYS_readlinkat, libc::AT_FDCWD, link.bytes.as_ptr(), buffer.as_mut_ptr(), buffer.len())
    };
    usize::try_from(length).ok()
}

/// Adds a line to a file.
fn put_down(file: &CString, number: u64, name: &str, path: &[u8]) {
    let mut line = Words::<{ PATH + 80 }>::new();
    line.number(number);
    line.add(b" ");
    line.add(name.as_bytes());
    line.add(b" ");
    // SAFETY: it takes nothing.
    line.number(u64::try_from(unsafe { libc::syscall(libc::SYS_getpid) }).unwrap_or(0));
    line.add(b" ");
    line.add(path);
    line.add(b"\n");
    let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_APPEND | libc::O_CLOEXEC;
    // SAFETY: the path is a string of C, the line as long as is said; the descriptor is closed by who opened it.
    unsafe {
        let fd = libc::syscall(libc::SYS_openat, libc::AT_FDCWD, file.as_ptr(), flags, 0o600);
        if fd >= 0 {
            libc::syscall(libc::SYS_write, fd, line.bytes.as_ptr(), line.length);
            libc::syscall(libc::SYS_close, fd);
        }
    }
}

/// Text in a place of its own.
struct Words<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Words<N> {
    fn new() -> Self {
        Self { bytes: [0; N], length: 0 }
    }

    fn add(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        if let Some(room) = self.bytes.get_mut(self.length..end) {
            room.copy_from_slice(bytes);
            self.length = end;
        }
    }

    fn number(&mut self, mut number: u64) {
        let mut digits = [0; 20];
        let mut first = digits.len();
        loop {
            first -= 1;
            digits[first] = b'0' + u8::try_from(number % 10).unwrap_or(0);
            number /= 10;
            if number == 0 {
                return self.add(&digits[first..]);
            }
        }
    }
}

/// The count, in memory that all processes share that have the file.
fn shared(path: &OsStr) -> Option<&'static AtomicU64> {
    let file = std::fs::OpenOptions::new().read(true).write(true).open(path).ok()?;
    if file.metadata().ok()?.len() < 16 {
        return None;
    }
    // SAFETY: the file has the bytes that are mapped, and they stay mapped for as long as the process lives. They lie at
    // the beginning of a page, so a number of eight bytes may be there, and all who have them use them as one.
    unsafe {
        let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED);
        let at = libc::mmap(std::ptr::null_mut(), 16, protection, flags, file.as_raw_fd(), 0);
        if at == libc::MAP_FAILED { None } else { Some(&*at.cast::<AtomicU64>()) }
    }
}

/// Ends the process as `kill -9` does.
pub(crate) fn die() -> ! {
    loop {
        // SAFETY: it takes no memory. Other threads may come between; this one does not go on.
        unsafe {
            libc::syscall(libc::SYS_kill, libc::syscall(libc::SYS_getpid), libc::SIGKILL);
        }
    }
}

pub(crate) fn errno() -> c_int {
    // SAFETY: the place is this thread's own.
    unsafe { *libc::__errno_location() }
}

pub(crate) fn set_errno(error: c_int) {
    // SAFETY: the place is this thread's own.
    unsafe { *libc::__errno_location() = error }
}
