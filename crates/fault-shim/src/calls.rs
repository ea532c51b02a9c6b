//! The functions that change files, each with the signature that the C library gives it.

use libc::{c_char, c_int, c_long, c_uint, c_void, iovec, loff_t, mode_t, off_t, size_t, ssize_t};

use crate::plan::{Place, Verdict, die, errno, meet, set_errno};

/// Makes the system call.
macro_rules! real {
    ($name:ident $(, $argument:expr)*) => {
        // SAFETY: the arguments are those that the caller gave to the function of the same name.
        unsafe { libc::syscall(libc::$name $(, $argument)*) }
    };
}

/// Does what the verdict says; `half` is what a short write does, if it can be short at all.
fn act(verdict: Verdict, real: impl Fn() -> c_long, half: impl FnOnce() -> Option<c_long>) -> c_long {
    let error = match verdict {
        Verdict::Real => return real(),
        Verdict::RealThenKill => {
            real();
            die()
        }
        Verdict::Half => match half() {
            Some(done) => return done,
            None => libc::ENOSPC,
        },
        Verdict::Fail(error) => error,
    };
    set_errno(error);
    -1
}

/// Of a call that is done or not.
fn whole(name: &str, place: Place, real: impl Fn() -> c_long) -> c_int {
    act(meet(name, place), real, || None) as c_int
}

/// Half of a length; none of what has no half.
fn half_of(length: size_t) -> Option<size_t> {
    (length > 1).then_some(length / 2)
}

/// Defines functions, some of which the C library has under two names.
macro_rules! export {
    ($(fn [$($name:ident)+] $arguments:tt -> $answer:ident $body:block)+) => {
        $($(export! { @one $name $arguments $answer $body })+)+
    };
    (@one $name:ident ($($argument:ident: $kind:ty),*) $answer:ident $body:block) => {
        /// # Safety
        /// As the function of the C library.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name($($argument: $kind),*) -> $answer {
            $body
        }
    };
}

export! {
    fn [write](fd: c_int, bytes: *const c_void, length: size_t) -> ssize_t {
        act(
            meet("write", Place::Fd(fd)),
            || real!(SYS_write, fd, bytes, length),
            || half_of(length).map(|half| real!(SYS_write, fd, bytes, half)),
        ) as ssize_t
    }

    fn [pwrite pwrite64](fd: c_int, bytes: *const c_void, length: size_t, at: off_t) -> ssize_t {
        act(
            meet("pwrite", Place::Fd(fd)),
            || real!(SYS_pwrite64, fd, bytes, length, at),
            || half_of(length).map(|half| real!(SYS_pwrite64, fd, bytes, half, at)),
        ) as ssize_t
    }

    fn [writev](fd: c_int, parts: *const iovec, count: c_int) -> ssize_t {
        act(
            meet("writev", Place::Fd(fd)),
            || real!(SYS_writev, fd, parts, count),
            || first_half(parts, count).map(|part| real!(SYS_write, fd, part.iov_base, part.iov_len)),
        ) as ssize_t
    }

    fn [pwritev pwritev64](fd: c_int, parts: *const iovec, count: c_int, at: off_t) -> ssize_t {
        act(
            meet("pwritev", Place::Fd(fd)),
            || real!(SYS_pwritev, fd, parts, count, at, 0),
            || first_half(parts, count).map(|part| real!(SYS_pwrite64, fd, part.iov_base, part.iov_len, at)),
        ) as ssize_t
    }

    fn [pwritev2 pwritev64v2](fd: c_int, parts: *const iovec, count: c_int, at: off_t, flags: c_int) -> ssize_t {
        act(meet("pwritev2", Place::Fd(fd)), || real!(SYS_pwritev2, fd, parts, count, at, 0, flags), || None) as ssize_t
    }

    fn [copy_file_range](
        from: c_int, from_at: *mut loff_t, to: c_int, to_at: *mut loff_t, length: size_t, flags: c_uint
    ) -> ssize_t {
        act(
            meet("copy_file_range", Place::Fd(to)),
            || real!(SYS_copy_file_range, from, from_at, to, to_at, length, flags),
            || Some(real!(SYS_copy_file_range, from, from_at, to, to_at, half_of(length.min(8192))?, flags)),
        ) as ssize_t
    }

    fn [sendfile sendfile64](to: c_int, from: c_int, at: *mut off_t, length: size_t) -> ssize_t {
        act(
            meet("sendfile", Place::Fd(to)),
            || real!(SYS_sendfile, to, from, at, length),
            || Some(real!(SYS_sendfile, to, from, at, half_of(length.min(8192))?)),
        ) as ssize_t
    }

    fn [fsync](fd: c_int) -> c_int {
        whole("fsync", Place::Fd(fd), || real!(SYS_fsync, fd))
    }

    fn [fdatasync](fd: c_int) -> c_int {
        whole("fdatasync", Place::Fd(fd), || real!(SYS_fdatasync, fd))
    }

    fn [ftruncate ftruncate64](fd: c_int, length: off_t) -> c_int {
        whole("ftruncate", Place::Fd(fd), || real!(SYS_ftruncate, fd, length))
    }

    fn [fallocate fallocate64](fd: c_int, mode: c_int, at: off_t, length: off_t) -> c_int {
        whole("fallocate", Place::Fd(fd), || real!(SYS_fallocate, fd, mode, at, length))
    }

    fn [posix_fallocate posix_fallocate64](fd: c_int, at: off_t, length: off_t) -> c_int {
        let before = errno();
        let done = whole("posix_fallocate", Place::Fd(fd), || real!(SYS_fallocate, fd, 0, at, length));
        let error = if done == 0 { 0 } else { errno() };
        // It answers with the error, and leaves the other place alone.
        set_errno(before);
        error
    }

    fn [open open64](path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
        open_at("open", libc::AT_FDCWD, path, flags, mode)
    }

    fn [openat openat64](directory: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
        open_at("openat", directory, path, flags, mode)
    }

    fn [rename](from: *const c_char, to: *const c_char) -> c_int {
        let here = libc::AT_FDCWD;
        whole("rename", Place::Name(here, to), || real!(SYS_renameat2, here, from, here, to, 0))
    }

    fn [renameat](from_directory: c_int, from: *const c_char, to_directory: c_int, to: *const c_char) -> c_int {
        let place = Place::Name(to_directory, to);
        whole("renameat", place, || real!(SYS_renameat2, from_directory, from, to_directory, to, 0))
    }

    fn [renameat2](
        from_directory: c_int, from: *const c_char, to_directory: c_int, to: *const c_char, flags: c_uint
    ) -> c_int {
        let place = Place::Name(to_directory, to);
        whole("renameat2", place, || real!(SYS_renameat2, from_directory, from, to_directory, to, flags))
    }

    fn [link](from: *const c_char, to: *const c_char) -> c_int {
        let here = libc::AT_FDCWD;
        whole("link", Place::Name(here, to), || real!(SYS_linkat, here, from, here, to, 0))
    }

    fn [linkat](
        from_directory: c_int, from: *const c_char, to_directory: c_int, to: *const c_char, flags: c_int
    ) -> c_int {
        let place = Place::Name(to_directory, to);
        whole("linkat", place, || real!(SYS_linkat, from_directory, from, to_directory, to, flags))
    }

    fn [symlink](target: *const c_char, path: *const c_char) -> c_int {
        let here = libc::AT_FDCWD;
        whole("symlink", Place::Name(here, path), || real!(SYS_symlinkat, target, here, path))
    }

    fn [mkdir](path: *const c_char, mode: mode_t) -> c_int {
        let here = libc::AT_FDCWD;
        whole("mkdir", Place::Name(here, path), || real!(SYS_mkdirat, here, path, mode))
    }

    fn [unlink](path: *const c_char) -> c_int {
        let here = libc::AT_FDCWD;
        whole("unlink", Place::Name(here, path), || real!(SYS_unlinkat, here, path, 0))
    }

    fn [unlinkat](directory: c_int, path: *const c_char, flags: c_int) -> c_int {
        whole("unlinkat", Place::Name(directory, path), || real!(SYS_unlinkat, directory, path, flags))
    }

    fn [rmdir](path: *const c_char) -> c_int {
        let here = libc::AT_FDCWD;
        whole("rmdir", Place::Name(here, path), || real!(SYS_unlinkat, here, path, libc::AT_REMOVEDIR))
    }
}

/// The first half of what a vectored write has, at the most that of its first part.
fn first_half(parts: *const iovec, count: c_int) -> Option<iovec> {
    if count < 1 || parts.is_null() {
        return None;
    }
    // SAFETY: the caller says that so many are there, and there is one.
    let first = unsafe { *parts };
    half_of(first.iov_len).map(|half| iovec { iov_base: first.iov_base, iov_len: half })
}

/// Opening counts where it makes a file or empties one.
fn open_at(name: &str, directory: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    let makes = flags & libc::O_CREAT != 0 && {
        let before = errno();
        let found = real!(SYS_faccessat, directory, path, libc::F_OK);
        set_errno(before);
        found != 0
    };
    let changes = makes || flags & libc::O_TRUNC != 0;
    let verdict = if changes { meet(name, Place::Name(directory, path)) } else { Verdict::Real };
    act(verdict, || real!(SYS_openat, directory, path, flags, mode), || None) as c_int
}
