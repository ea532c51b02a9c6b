//! Writes the files that follow from the code, or tells which of them are stale.
//!
//! Whoever owns a generated file has a unit test that compares it with what the code says, and
//! writes it when `CONVENE_GEN` is set. So the comparison is part of every test run, and a new
//! generated file is one test and one line here.

use anyhow::{Result, ensure};

use crate::step::succeeds;
use crate::workspace::{Workspace, cargo};

struct Generated {
    path: &'static str,
    package: &'static str,
    /// The name of the test; it begins with `generated_`.
    test: &'static str,
}

const GENERATED: &[Generated] = &[
    Generated { path: "docs/errors.md", package: "convene-api", test: "generated_errors_page" },
    Generated { path: "docs/doctor.md", package: "convene-api", test: "generated_doctor_page" },
    Generated { path: "docs/cli.md", package: "convene", test: "generated_cli_reference" },
    Generated { path: "docs/config.schema.json", package: "convene", test: "generated_config_schema" },
    Generated { path: "openapi.json", package: "convene-server", test: "generated_openapi" },
];

/// Writes every generated file.
pub fn write(workspace: &Workspace) -> Result<()> {
    // Of the whole workspace, as the test step builds it, so that nothing is compiled twice with other features.
    let written = succeeds(
        cargo()
            .current_dir(&workspace.root)
            .env("CONVENE_GEN", "1")
            .args(["test", "--quiet", "--workspace", "--lib", "--bins"])
            .arg("generated_"),
    )?;
    ensure!(written, "not every file was written");
    for file in GENERATED {
        ensure!(
            workspace.root.join(file.path).is_file(),
            "{} does not exist: has {} a test {}?",
            file.path,
            file.package,
            file.test
        );
        println!("wrote {}", file.path);
    }
    Ok(())
}

/// Compares every generated file. Builds the whole workspace's tests, as the test step does, so
/// that nothing is compiled twice with other features.
pub fn check(workspace: &Workspace) -> Result<bool> {
    for file in GENERATED {
        println!("{} from {}", file.path, file.package);
    }
    succeeds(
        cargo()
            .current_dir(&workspace.root)
            .env_remove("CONVENE_GEN")
            .args(["test", "--quiet", "--workspace", "--lib", "--bins"])
            .arg("generated_"),
    )
}
