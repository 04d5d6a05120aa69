//! What rusqlite has no safe form of.

use std::ffi::c_int;

use rusqlite::Connection;
use rusqlite::ffi;

/// Whether a commit would fail now, since rows refer to rows that are not there. Foreign keys that
/// are not deferred fail at once, and none of theirs is left.
pub(crate) fn has_deferred_violations(connection: &Connection) -> bool {
    let (mut current, mut highest): (c_int, c_int) = (0, 0);
    // SAFETY: the connection is open as long as it is borrowed, and no other thread uses it, since
    // it is not `Sync`. The call writes to the two locals alone.
    let status = unsafe {
        ffi::sqlite3_db_status(
            connection.handle(),
            ffi::SQLITE_DBSTATUS_DEFERRED_FKS,
            &raw mut current,
            &raw mut highest,
            0,
        )
    };
    status == ffi::SQLITE_OK && current != 0
}
