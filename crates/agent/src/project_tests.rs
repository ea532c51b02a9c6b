use std::fs;

use super::*;

fn titles(cwd: &Path) -> Vec<String> {
    survey(cwd).iter().flat_map(|project| project.steps.iter().map(|step| step.title(cwd))).collect()
}

#[test]
fn a_cargo_package_is_formatted_linted_and_tested() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("Cargo.toml"), "[package]\nname = \"x\"\n").unwrap();
    assert_eq!(titles(dir.path()), ["cargo fmt --check", "cargo clippy --all-targets", "cargo test"]);
}

#[test]
fn a_member_is_copied_with_the_workspace_it_inherits_from() {
    let dir = tempfile::tempdir().unwrap();
    let member = dir.path().join("crates/a");
    fs::create_dir_all(&member).unwrap();
    fs::write(dir.path().join("Cargo.toml"), "[workspace]\nmembers = [\"crates/a\"]\n").unwrap();
    fs::write(member.join("Cargo.toml"), "[package]\nname = \"a\"\n").unwrap();
    let project = &survey(&member)[0];
    assert_eq!(project.steps[0].fixer.as_ref().unwrap().root, dir.path());
    assert_eq!(titles(dir.path())[0], "cargo fmt --all --check");
}

#[test]
fn npm_scripts_are_run_when_they_exist_and_named_when_they_do_not() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(
        dir.path().join("package.json"),
        r#"{"scripts": {"test": "echo \"Error: no test specified\" && exit 1", "lint": "eslint ."}, "dependencies": {"x": "1"}}"#,
    )
    .unwrap();
    let project = &survey(dir.path())[0];
    assert_eq!(titles(dir.path()), ["npm run lint"]);
    assert!(project.notes.iter().any(|note| note.contains("no `test` script")));
    assert!(project.notes.iter().any(|note| note.contains("npm install")));
}

#[test]
fn projects_one_level_below_are_named_with_their_directory() {
    let dir = tempfile::tempdir().unwrap();
    let web = dir.path().join("web");
    fs::create_dir_all(&web).unwrap();
    fs::write(web.join("package.json"), r#"{"scripts": {"test": "node --test"}}"#).unwrap();
    assert_eq!(titles(dir.path()), ["npm test (in web)"]);
}

#[test]
fn the_project_around_a_directory_counts_only_inside_its_repository() {
    let dir = tempfile::tempdir().unwrap();
    let inner = dir.path().join("docs/deep");
    fs::create_dir_all(&inner).unwrap();
    fs::write(dir.path().join("go.mod"), "module x\n").unwrap();
    assert!(survey(&inner).is_empty());
    fs::create_dir(dir.path().join(".git")).unwrap();
    assert_eq!(survey(&inner)[0].name, "Go");
}

#[test]
fn python_without_a_configured_formatter_is_not_reformatted() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("tool.py"), "print(1)\n").unwrap();
    let project = &survey(dir.path())[0];
    assert_eq!(project.evidence, "tool.py");
    assert!(project.steps.iter().all(|step| step.goal != Goal::Format));
    assert!(project.notes.iter().any(|note| note.contains("no formatter")));
}

#[test]
fn a_makefile_counts_only_without_a_language_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("Makefile"), ".PHONY: test\nCC := gcc\ntest: build\n\techo: hi\nbuild:\n").unwrap();
    assert_eq!(titles(dir.path()), ["make test"]);
    fs::write(dir.path().join("go.mod"), "module x\n").unwrap();
    assert!(titles(dir.path()).iter().all(|title| !title.starts_with("make")));
}

#[test]
fn an_empty_directory_holds_no_project() {
    let dir = tempfile::tempdir().unwrap();
    assert!(survey(dir.path()).is_empty());
    assert!(looks_for().contains("Cargo.toml"));
}
