//! What the system and the database say, as failures of the store.

use std::{io, path::Path};

use rusqlite::ErrorCode;

use crate::Error;

/// A failure of the file system.
pub(crate) fn io(doing: &'static str, path: &Path, error: io::Error) -> Error {
    match error.kind() {
        // A limit on the size of files is a disk that is full, too.
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            Error::Full { path: path.to_owned(), source: error.into() }
        }
        // Also where something else is in the place of a directory or a file.
        io::ErrorKind::PermissionDenied
        | io::ErrorKind::ReadOnlyFilesystem
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::IsADirectory
        | io::ErrorKind::AlreadyExists => Error::ReadOnly { path: path.to_owned(), source: error.into() },
        _ => Error::Failed { doing, source: error.into() },
    }
}

/// A failure of SQLite.
pub(crate) fn sql(doing: &'static str, path: &Path, error: rusqlite::Error) -> Error {
    if unreadable(&error) {
        return Error::Damaged { what: path.display().to_string(), why: error.to_string() };
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Error::Full { path: path.to_owned(), source: error.into() },
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            Error::ReadOnly { path: path.to_owned(), source: error.into() }
        }
        _ => Error::Failed { doing, source: error.into() },
    }
}

/// Whether the failure says that what is stored is not what it should be.
pub(crate) fn unreadable(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
        || matches!(
            error,
            rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::Utf8Error(..)
        )
}

/// Whether a connection may go on after the failure: the database refused, or had no room, and is itself whole.
pub(crate) fn connection_is_sound(error: &rusqlite::Error) -> bool {
    match error.sqlite_error_code() {
        Some(code) => {
            matches!(code, ErrorCode::ConstraintViolation | ErrorCode::DatabaseBusy | ErrorCode::DiskFull)
        }
        None => true,
    }
}
