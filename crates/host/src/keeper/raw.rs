//! The system calls of the keeper that no safe library offers: `fork`, signal masks, `sigwait`, `close_range`.

use std::io;
use std::mem::MaybeUninit;
use std::time::Duration;

use libc::{c_int, sigset_t};

pub(super) enum Forked {
    Parent { child: i32 },
    Child,
}

/// What a keeper may be woken by. All other signals stay blocked, which makes it deaf to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wake {
    ChildEnded,
    StopAsked,
    TimeIsUp,
}

/// Forks the process. `Err` when there is more than one thread.
pub(super) fn fork() -> io::Result<Forked> {
    if !is_single_threaded() {
        return Err(io::Error::other("the process has threads already"));
    }
    // SAFETY: there is one thread only (checked above, and no other can be started in between by none), so the child is
    // a whole copy: no lock is held by a thread that does not exist there.
    #[expect(unsafe_code, reason = "no safe library forks")]
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Forked::Child),
        child => Ok(Forked::Parent { child }),
    }
}

/// Blocks every signal, and undoes what the starter may have left ignored (an ignored SIGCHLD makes `wait` lie).
pub(super) fn block_signals() -> io::Result<()> {
    for signal in
        [libc::SIGCHLD, libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGQUIT, libc::SIGALRM, libc::SIGUSR2]
    {
        // SAFETY: no handler is installed, only the default restored.
        #[expect(unsafe_code, reason = "no safe library sets dispositions")]
        let before = unsafe { libc::signal(signal, libc::SIG_DFL) };
        if before == libc::SIG_ERR {
            return Err(io::Error::last_os_error());
        }
    }
    set_mask(&full_set())
}

/// Opens the process to all signals again.
pub(super) fn unblock_signals() -> io::Result<()> {
    set_mask(&set_of(&[]))
}

/// Blocks until one of the keeper's signals comes. All of them must be blocked.
pub(super) fn wait_for_signal() -> Wake {
    let set = set_of(&[libc::SIGCHLD, libc::SIGTERM, libc::SIGALRM]);
    loop {
        let mut signal: c_int = 0;
        // SAFETY: both pointers are to live locals of the right types.
        #[expect(unsafe_code, reason = "no safe library waits for signals without a handler")]
        let result = unsafe { libc::sigwait(&raw const set, &raw mut signal) };
        match signal {
            libc::SIGCHLD if result == 0 => return Wake::ChildEnded,
            libc::SIGTERM if result == 0 => return Wake::StopAsked,
            libc::SIGALRM if result == 0 => return Wake::TimeIsUp,
            _ => {}
        }
    }
}

/// Lets `Wake::TimeIsUp` come after `delay` (whole seconds, at least one).
pub(super) fn set_alarm(delay: Duration) {
    let seconds = u32::try_from(delay.as_secs()).unwrap_or(u32::MAX).max(1);
    // SAFETY: touches no memory.
    #[expect(unsafe_code, reason = "no safe library sets an alarm")]
    unsafe {
        libc::alarm(seconds);
    }
}

/// Marks every descriptor but the three standard ones close-on-exec, whoever opened or passed it.
pub(crate) fn seal_descriptors() {
    #[cfg(target_os = "linux")]
    {
        // SAFETY: closes nothing; it only sets a flag that matters at `exec`.
        #[expect(unsafe_code, reason = "the safe way needs an owner of each descriptor")]
        unsafe {
            // Kernels before 5.11 don't know it. There, what the starter leaked stays leaked.
            libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, libc::CLOSE_RANGE_CLOEXEC);
        }
    }
}

fn is_single_threaded() -> bool {
    // Where the system does not tell, the contract of the caller has to do.
    std::fs::read_dir("/proc/self/task").map_or(true, |threads| threads.count() == 1)
}

fn set_mask(set: &sigset_t) -> io::Result<()> {
    // SAFETY: `set` is initialized, and a null pointer for the old mask is allowed.
    #[expect(unsafe_code, reason = "no safe library sets signal masks")]
    let result = unsafe { libc::sigprocmask(libc::SIG_SETMASK, set, std::ptr::null_mut()) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn full_set() -> sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: `sigfillset` initializes the whole set and can't fail on a valid pointer.
    #[expect(unsafe_code, reason = "no safe library makes signal sets")]
    unsafe {
        libc::sigfillset(set.as_mut_ptr());
        set.assume_init()
    }
}

fn set_of(signals: &[c_int]) -> sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: `sigemptyset` initializes the whole set; the signals are valid ones, so `sigaddset` can't fail.
    #[expect(unsafe_code, reason = "no safe library makes signal sets")]
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for &signal in signals {
            libc::sigaddset(set.as_mut_ptr(), signal);
        }
        set.assume_init()
    }
}
