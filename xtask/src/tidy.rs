//! Enforces the rules of the house that no compiler knows: who may depend on whom, how large a
//! file may be, which words have no place in the source.

mod arrows;
mod code_only;
mod files;

use anyhow::Result;

use crate::workspace::Workspace;

/// Prints what is wrong and tells whether anything is.
pub fn run(workspace: &Workspace) -> Result<bool> {
    let files = workspace.files()?;
    let mut findings = arrows::check_manifests(workspace);
    for (path, text) in &files {
        findings.extend(arrows::check_source(path, text));
        findings.extend(files::check(path, text));
    }
    for (path, lines) in files::long(&files) {
        println!("{path}: {lines} lines; past {} it is a talk", files::TALK);
    }
    for finding in &findings {
        println!("error: {finding}");
    }
    println!("{} files, {} findings", files.len(), findings.len());
    Ok(findings.is_empty())
}
