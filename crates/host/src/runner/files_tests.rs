use super::*;

fn spec(cwd: &Path) -> SessionSpec {
    serde_json::from_value(serde_json::json!({"agent": "a", "cwd": cwd})).unwrap()
}

#[test]
fn confines_paths_with_links_resolved() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    let cwd = root.join("project");
    fs::create_dir_all(cwd.join("sub")).unwrap();
    std::os::unix::fs::symlink(&root, cwd.join("up")).unwrap();
    std::os::unix::fs::symlink(root.join("nowhere"), cwd.join("dangling")).unwrap();
    std::os::unix::fs::symlink(cwd.join("sub"), cwd.join("inside")).unwrap();
    let spec = spec(&cwd);
    let inside = |path: &str| confine(&spec, path).map_err(|error| error.code);
    assert_eq!(inside("sub/a"), Ok(cwd.join("sub/a")));
    assert_eq!(inside("inside/new/file"), Ok(cwd.join("sub/new/file")));
    assert_eq!(inside(cwd.join("a").to_str().unwrap()), Ok(cwd.join("a")));
    for path in ["../x", "up/x", "/etc/passwd", "sub/../../x", "a\0b", "/"] {
        assert_eq!(inside(path), Err(RpcError::INVALID_PARAMS), "{path}");
    }
    assert!(inside("dangling").is_err());
    assert!(inside("dangling/x").is_err());
}

#[test]
fn reads_lines_from_and_up_to() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    write(&path, "one\ntwo\nthree").unwrap();
    assert_eq!(read(&path, None, None).unwrap(), "one\ntwo\nthree");
    assert_eq!(read(&path, Some(2), Some(1)).unwrap(), "two\n");
    assert_eq!(read(&path, Some(3), None).unwrap(), "three");
    assert_eq!(read(&path, None, Some(0)).unwrap(), "");
    assert_eq!(read(&dir.path().join("missing"), None, None).unwrap_err().code, RpcError::NOT_FOUND);
    assert!(read(dir.path(), None, None).is_err());
}

#[test]
fn is_not_caught_by_a_pipe() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).unwrap();
    assert!(read(&path, None, None).is_err());
    assert!(write(&path, "x").is_err());
}
