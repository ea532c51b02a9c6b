use super::*;

fn fixer(root: &Path) -> Fixer {
    Fixer {
        command: CommandLine::new(&root.join("sub"), "true", &[]),
        root: root.to_owned(),
        endings: &[".txt"],
        linked: &[],
    }
}

#[test]
fn changes_of_the_copy_are_found_and_the_project_stays_as_it_is() {
    let project = tempfile::tempdir().unwrap();
    fs::create_dir_all(project.path().join("sub/target")).unwrap();
    fs::write(project.path().join("sub/a.txt"), "one\ntwo\n").unwrap();
    fs::write(project.path().join("sub/b.txt"), "same\n").unwrap();
    fs::write(project.path().join("sub/target/c.txt"), "made by a tool\n").unwrap();
    fs::write(project.path().join("sub/target/CACHEDIR.TAG"), "").unwrap();
    fs::write(project.path().join("sub/d.bin"), "not read\n").unwrap();

    let fixer = fixer(project.path());
    let copy = Copy::make(&fixer).unwrap();
    let dir = copy.command(&fixer).dir;
    assert!(!dir.starts_with(project.path()));
    assert!(!dir.join("target").exists() && !dir.join("d.bin").exists());
    assert_eq!(copy.changes(), Fix::default());

    fs::write(dir.join("a.txt"), "one\n2\nthree\n").unwrap();
    let fix = copy.changes();
    assert_eq!(fix.files.len(), 1);
    assert_eq!(fix.files[0].path, project.path().join("sub/a.txt"));
    assert_eq!(fix.line_counts(), (2, 1));
    assert_eq!(fs::read_to_string(project.path().join("sub/a.txt")).unwrap(), "one\ntwo\n");
}

#[test]
fn one_decision_shows_a_bounded_number_of_files() {
    let project = tempfile::tempdir().unwrap();
    fs::create_dir(project.path().join("sub")).unwrap();
    for n in 0..60 {
        fs::write(project.path().join(format!("sub/{n:02}.txt")), "a\n").unwrap();
    }
    let fixer = fixer(project.path());
    let copy = Copy::make(&fixer).unwrap();
    for n in 0..60 {
        fs::write(copy.command(&fixer).dir.join(format!("{n:02}.txt")), "b\n").unwrap();
    }
    let fix = copy.changes();
    assert_eq!((fix.files.len(), fix.more), (MAX_SHOWN_FILES, 10));
}
