//! Errors of SQLite and of rows, in the words of the port.

use std::fmt::Display;
use std::path::Path;

use dynservers_core::StoreError;
use rusqlite::ErrorCode;

/// Makes the error of something that is no ledger.
pub(super) fn invalid(place: &Path, message: String) -> StoreError {
    StoreError::Invalid { place: place.display().to_string(), message }
}

/// Makes the error of a row that cannot be read.
pub(super) fn broken_row(place: &Path, table: &str, row: impl Display, error: &dyn Display) -> StoreError {
    invalid(place, format!("table {table}, row {row}: {error}"))
}

/// Makes the error of a file that the system does not give us.
pub(super) fn unusable(place: &Path, message: impl Display) -> StoreError {
    StoreError::Io { place: place.display().to_string(), message: message.to_string() }
}

/// Says what an error of SQLite means: a file that is not what it should be, or a system that does not serve.
pub(super) fn broken(place: &Path) -> impl Fn(rusqlite::Error) -> StoreError {
    |error| match error.sqlite_error_code() {
        Some(
            ErrorCode::NotADatabase
            | ErrorCode::DatabaseCorrupt
            | ErrorCode::ConstraintViolation
            | ErrorCode::TypeMismatch
            // SQL that does not fit: a table or a column is gone, or a text is no JSON.
            | ErrorCode::Unknown,
        )
        // No error of SQLite's: a value of another kind than was written, or a row too few.
        | None => invalid(place, error.to_string()),
        Some(_) => unusable(place, error),
    }
}
