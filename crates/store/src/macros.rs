//! The macros that let one query text run on both databases with native types.

/// Declares query texts as constants, and `QUERIES` with all of them for the test that describes each.
macro_rules! queries {
    ($($name:ident = $sql:expr;)+) => {
        $(const $name: &str = $sql;)+
        pub(crate) const QUERIES: &[(&str, &str)] = &[$((concat!(module_path!(), "::", stringify!($name)), $name),)+];
    };
}

/// Expands the body once per database with an executor for reading.
macro_rules! read {
    ($db:expr, |$executor:ident| $body:expr) => {
        match $db {
            $crate::Db::Sqlite { read: $executor, .. } => $body,
            $crate::Db::Postgres($executor) => $body,
        }
    };
}

/// The same for what may take long: a list or a count whose conditions people choose. It is stopped at the deadline.
macro_rules! search {
    ($db:expr, |$executor:ident| $body:expr) => {
        match $db {
            $crate::Db::Sqlite { read, .. } => {
                match $crate::deadline::Hurried::reader(read, $crate::deadline::DEADLINE).await {
                    Ok(mut reader) => {
                        let $executor = reader.executor();
                        let read = $body;
                        reader.ended();
                        read
                    }
                    Err(error) => Err(error),
                }
            }
            $crate::Db::Postgres($executor) => $body,
        }
    };
}

/// Expands the body once per database with the connection of a transaction.
macro_rules! within {
    ($tx:expr, |$executor:ident| $body:expr) => {
        match $tx {
            $crate::Tx::Sqlite(tx) => {
                let $executor = &mut **tx;
                $body
            }
            $crate::Tx::Postgres(tx) => {
                let $executor = &mut **tx;
                $body
            }
        }
    };
}

/// Inserts many rows by statements of many rows each: one statement per row costs a round trip per row.
/// The closure binds one row's values, in the order of the columns.
macro_rules! insert_many {
    ($tx:expr, $rows:expr, $prefix:expr, $columns:expr, |$query:ident, $row:ident| $bind:expr) => {{
        for chunk in $rows.chunks($crate::db::INSERT_ROWS) {
            let sql = $crate::db::values_sql($tx, $prefix, $columns, chunk.len());
            within!($tx, |executor| {
                let mut statement = sqlx::query(sqlx::AssertSqlSafe(sql));
                for $row in chunk {
                    let $query = statement;
                    statement = $bind;
                }
                statement.execute(executor).await?;
            });
        }
    }};
}
