//! Has the dashboard built if its sources changed, and writes down for `src/lib.rs` which files it has.
//!
//! It needs Node and npm for that alone. `CONVENE_WEB_DIST=DIR` takes in a dashboard that was built before, and needs
//! neither; a build of `convene` without its feature `dashboard` does not come here at all.

#[path = "build/make.rs"]
mod make;
#[path = "build/sources.rs"]
mod sources;
#[path = "build/table.rs"]
mod table;

use std::{
    env,
    path::{Path, PathBuf},
};

use make::{Failure, Tools};

fn main() {
    if let Err(failure) = run() {
        println!("cargo::error={}", failure.said);
        for line in failure.output {
            println!("cargo::error=  {line}");
        }
    }
}

fn run() -> Result<(), Failure> {
    println!("cargo::rerun-if-env-changed=CONVENE_WEB_DIST");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or_else(|| Failure::new("cargo sets no OUT_DIR"))?);
    if let Some(dist) = env::var_os("CONVENE_WEB_DIST").filter(|dist| !dist.is_empty()) {
        let dist = PathBuf::from(dist);
        if !dist.is_absolute() || !dist.join("index.html").is_file() {
            let said =
                format!("CONVENE_WEB_DIST={}: no absolute path of a directory with an index.html", dist.display());
            return Err(Failure::new(said));
        }
        println!("cargo::rerun-if-changed={}", dist.display());
        return Ok(table::write(&dist, &out)?);
    }
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (web, packer) = (package.join("../../web"), package.join("build/pack.mjs"));
    if !web.join("package.json").is_file() {
        return Err(Failure::new(format!("the dashboard's sources are not here. {}", make::WITHOUT)));
    }
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build");
    for path in sources::watched(&web)? {
        println!("cargo::rerun-if-changed={}", path.display());
    }
    let made = make::make(&web, &packer, &Tools::default())?;
    // The lock is held until everything is copied.
    Ok(table::write(&made.dist, &out)?)
}
