//! What SQLite offers by its C functions alone.

#![expect(unsafe_code, reason = "functions of C have no safe form")]

use std::ptr;

use rusqlite::{Connection, ErrorCode, ffi};
use rustix::io::Errno;

/// Makes durable what checkpoints have written to the database so far. SQLite itself does so only at the end of the WAL, and
/// a second descriptor of the file would drop SQLite's locks when it is closed.
///
/// # Errors
/// If the file cannot be synced: what was written is in doubt then, and the WAL must be kept.
pub(super) fn sync(conn: &Connection) -> rusqlite::Result<()> {
    let mut file: *mut ffi::sqlite3_file = ptr::null_mut();
    // SAFETY: the connection is open as long as it is borrowed. The operation writes one pointer to where its argument
    // points: https://www.sqlite.org/c3ref/c_fcntl_begin_atomic_write.html#sqlitefcntlfilepointer
    let code = unsafe {
        ffi::sqlite3_file_control(
            conn.handle(),
            c"main".as_ptr(),
            ffi::SQLITE_FCNTL_FILE_POINTER,
            (&raw mut file).cast(),
        )
    };
    done(code)?;
    // SAFETY: the file and its methods belong to the connection and live as long; a connection is used by one thread at
    // a time. A database without a file has no methods.
    let methods = unsafe { file.as_ref().and_then(|file| file.pMethods.as_ref()) };
    let Some(sync) = methods.and_then(|methods| methods.xSync) else { return Ok(()) };
    // SAFETY: as above; this is how SQLite itself calls it.
    done(unsafe { sync(file, ffi::SQLITE_SYNC_NORMAL) })
}

/// Whether the system refused for want of room what just failed on a connection. SQLite says so itself only of a disk that
/// is full at a write, and neither of a quota nor of a sync.
pub(super) fn has_no_room(conn: &Connection, error: &rusqlite::Error) -> bool {
    if error.sqlite_error_code() != Some(ErrorCode::SystemIoFailure) {
        return false;
    }
    // SAFETY: the connection is open as long as it is borrowed.
    let errno = Errno::from_raw_os_error(unsafe { ffi::sqlite3_system_errno(conn.handle()) });
    matches!(errno, Errno::NOSPC | Errno::DQUOT | Errno::FBIG)
}

fn done(code: std::ffi::c_int) -> rusqlite::Result<()> {
    if code == ffi::SQLITE_OK { Ok(()) } else { Err(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)) }
}
