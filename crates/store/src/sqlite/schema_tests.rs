use std::{fs, path::Path};

use rusqlite::Connection;

use super::{MADE, migrate, texts};

/// `CONVENE_BLESS=1` writes what the migrations make.
#[test]
fn what_an_opening_expects_is_what_the_migrations_make() {
    let mut model = Connection::open_in_memory().unwrap();
    migrate(&mut model, Path::new("a model")).unwrap();
    let made = texts(&model).unwrap();
    if std::env::var_os("CONVENE_BLESS").is_some() {
        fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sqlite/schema.sql"), &made).unwrap();
    }
    assert_eq!(MADE, made, "src/sqlite/schema.sql is made by CONVENE_BLESS=1 and this test");
}
