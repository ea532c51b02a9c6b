//! Holds the committed description and the code together.

use std::{env, fs};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../openapi.json");

/// `cargo xtask gen` runs this with `CONVENE_GEN` set, which writes the file.
#[test]
fn generated_openapi() {
    let document = super::openapi();
    if env::var_os("CONVENE_GEN").is_some() {
        fs::write(FILE, &document).unwrap();
    }
    let committed = fs::read_to_string(FILE).unwrap_or_default();
    assert!(committed == document, "openapi.json is stale: run `cargo xtask gen`");
}
