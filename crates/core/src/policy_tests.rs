use super::*;
use crate::content::{ContentBlock, ToolLocation};

fn spec(permissions: PermissionMode, add_dirs: &[&str]) -> SessionSpec {
    let mut spec: SessionSpec = serde_json::from_str(r#"{"agent": "builtin", "cwd": "/home/ada/repo"}"#).unwrap();
    spec.permissions = permissions;
    spec.add_dirs = add_dirs.iter().map(|d| (*d).to_owned()).collect();
    spec
}

#[test]
fn paths_are_confined_to_the_sessions_directories() {
    let spec = spec(PermissionMode::All, &["/data/", "/opt/./x/../tools"]);
    for inside in [
        "/home/ada/repo",
        "/home/ada/repo/",
        "/home/ada/repo/a/b",
        "a",
        "./a/../b",
        "",
        "a/../../repo/b",
        "/data/x",
        "/data",
        "/opt/tools/t",
        "/home/ada/repo/..a",
    ] {
        assert!(inside_roots(&spec, Path::new(inside)), "{inside:?}");
    }
    for outside in [
        "/home/ada",
        "/home/ada/repo2",
        "/home/ada/repo.git/x",
        "..",
        "../repo2/x",
        "a/../../x",
        "/home/ada/repo/../x",
        "/data/../etc/passwd",
        "/database",
        "/opt/x",
        "/",
        "/..",
        "/../home/ada/repo/x",
        "/home/ada/repo/a\0b",
        "\0",
        "/etc/passwd",
    ] {
        assert!(!inside_roots(&spec, Path::new(outside)), "{outside:?}");
    }
}

#[test]
fn a_root_that_is_none_lets_nothing_in() {
    let mut spec = spec(PermissionMode::All, &["", ".", "sub", "a\0b", "/../.."]);
    assert!(!inside_roots(&spec, Path::new("/etc/passwd")));
    assert!(inside_roots(&spec, Path::new("sub/x")));
    spec.cwd = String::new();
    assert!(!inside_roots(&spec, Path::new("x")), "without a directory there is no inside");
    assert!(!inside_roots(&spec, Path::new("/etc/passwd")));
}

#[test]
fn modes_decide() {
    use Decision::{AllowOnce, RejectOnce};
    let call = |kind: Option<&str>, paths: &[&str]| ToolCall {
        kind: kind.map(str::to_owned),
        locations: Some(paths.iter().map(|p| ToolLocation { path: (*p).to_owned(), line: None }).collect()),
        ..ToolCall::default()
    };
    let read = call(Some("read"), &["/home/ada/repo/a"]);
    let search = call(Some("search"), &[]);
    let edit = call(Some("edit"), &["a"]);
    let out = call(Some("read"), &["a", "/etc/passwd"]);
    let unknown = call(None, &[]);
    for (mode, expected) in [
        (PermissionMode::Deny, [Some(RejectOnce); 5]),
        (PermissionMode::Ask, [None; 5]),
        (PermissionMode::Reads, [Some(AllowOnce), Some(AllowOnce), None, Some(RejectOnce), None]),
        (PermissionMode::All, [Some(AllowOnce), Some(AllowOnce), Some(AllowOnce), Some(RejectOnce), Some(AllowOnce)]),
    ] {
        let spec = spec(mode, &[]);
        assert_eq!([&read, &search, &edit, &out, &unknown].map(|c| decide(&spec, c)), expected, "{mode:?}");
    }
}

#[test]
fn a_diff_outside_counts_as_a_place_outside() {
    let diff = |path: &str| ToolContent::Diff { path: path.to_owned(), old_text: None, new_text: String::new() };
    let call = |path| ToolCall {
        kind: Some("edit".to_owned()),
        content: Some(vec![ToolContent::Content { content: ContentBlock::text("x") }, diff(path)]),
        ..ToolCall::default()
    };
    let spec = spec(PermissionMode::All, &[]);
    assert_eq!(decide(&spec, &call("/home/ada/repo/a")), Some(Decision::AllowOnce));
    assert_eq!(decide(&spec, &call("/home/ada/.ssh/authorized_keys")), Some(Decision::RejectOnce));
}
