//! `muster restored`: what a database that went back in time by other means is told.

use crate::commands::says;
use tempfile::TempDir;

fn add(email: &str) -> [&str; 5] {
    ["user", "add", email, "--role", "admin"]
}

#[test]
fn while_a_console_works_nothing_is_held_back() {
    let folder = TempDir::new().unwrap();
    says(folder.path(), &add("ada@b.example"), 0);
    says(folder.path(), &["restored"], 0);
    says(folder.path(), &["audit", "verify"], 0);
    // Taken last: a program that another test starts at this moment would keep it for a moment longer.
    let _lock = server::data::Lock::take(folder.path()).unwrap();
    let said = says(folder.path(), &["restored"], 3);
    assert!(said.contains("already works in"), "{said}");
}
