//! On a directory that has the files of a cgroup. What the kernel does with them is not played.

use tempfile::TempDir;

use super::*;

const OURS: [i32; 2] = [71, 72];

/// A cgroup with these controllers and processes.
fn cgroup(controllers: &str, processes: &[i32]) -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let processes: String = processes.iter().map(|pid| format!("{pid}\n")).collect();
    for (file, text) in
        [("cgroup.controllers", controllers), ("cgroup.subtree_control", ""), ("cgroup.procs", processes.as_str())]
    {
        fs::write(directory.path().join(file), text).expect("a file");
    }
    // The kernel makes it together with the directory.
    fs::create_dir(directory.path().join(LEAF)).expect("a leaf");
    fs::write(directory.path().join(LEAF).join("cgroup.procs"), "").expect("a file");
    directory
}

fn enable(cgroup: &TempDir) -> (Result<(), String>, String) {
    let enabled = enable_in(cgroup.path(), |pid| OURS.contains(&pid));
    (enabled, text(&cgroup.path().join("cgroup.subtree_control")))
}

fn text(file: &Path) -> String {
    fs::read_to_string(file).expect("a file")
}

#[test]
fn controllers_are_enabled_once_our_processes_are_out_of_the_way() {
    let cgroup = cgroup("cpu io memory pids\n", &OURS[..1]);
    assert_eq!(enable(&cgroup), (Ok(()), "+memory +pids".to_owned()));
    assert_eq!(text(&cgroup.path().join(LEAF).join("cgroup.procs")), "71");
}

#[test]
fn what_is_enabled_already_is_used_as_it_is() {
    let cgroup = cgroup("memory pids\n", &[1]);
    fs::write(cgroup.path().join("cgroup.subtree_control"), "memory pids\n").expect("a file");
    assert_eq!(enable(&cgroup), (Ok(()), "memory pids\n".to_owned()));
    assert_eq!(text(&cgroup.path().join(LEAF).join("cgroup.procs")), "", "nobody is moved");
}

#[test]
fn what_is_not_ours_is_left_alone() {
    let of_others = cgroup("memory pids\n", &[71, 1]);
    let (enabled, control) = enable(&of_others);
    assert!(enabled.is_err_and(|why| why.contains("process 1 ")) && control.is_empty());
    assert_eq!(text(&of_others.path().join(LEAF).join("cgroup.procs")), "", "nobody is moved");
    let poor = cgroup("cpu memory\n", &[71]);
    let (enabled, control) = enable(&poor);
    assert!(enabled.is_err_and(|why| why.contains("controllers")) && control.is_empty());
}

/// systemd could not start it again.
#[test]
fn a_service_is_left_in_its_own_cgroup() {
    let home = cgroup("memory pids\n", &[71]);
    let service = home.path().join("convene.service");
    fs::create_dir(&service).expect("a directory");
    for file in ["cgroup.controllers", "cgroup.subtree_control", "cgroup.procs"] {
        fs::copy(home.path().join(file), service.join(file)).expect("a copy");
    }
    assert!(enable_in(&service, |pid| OURS.contains(&pid)).is_err_and(|why| why.contains(LEAF)));
    // With a subgroup nobody is in it.
    fs::write(service.join("cgroup.procs"), "").expect("a file");
    assert_eq!(enable_in(&service, |pid| OURS.contains(&pid)), Ok(()));
    assert_eq!(text(&service.join("cgroup.subtree_control")), "+memory +pids");
}

/// Who cannot move all of them puts back those that it moved.
#[test]
fn nobody_is_left_where_nothing_came_of_it() {
    let cgroup = cgroup("memory pids\n", &OURS[..1]);
    // It cannot be written to.
    fs::remove_file(cgroup.path().join("cgroup.subtree_control")).expect("removed");
    assert!(enable_in(cgroup.path(), |pid| OURS.contains(&pid)).is_err_and(|why| why.contains("enable")));
    assert_eq!(text(&cgroup.path().join("cgroup.procs")), "71");
}

#[test]
fn the_kernel_holds_all_limits_or_none() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = |name: &str| directory.path().join(name);
    let max = TreeMax { processes: 60, memory: 1 << 20 };
    fs::write(file("pids.max"), "max").expect("a file");
    assert!(!limit_in(directory.path(), max), "there is no memory.max");
    assert_eq!(text(&file("pids.max")), "max");
    assert!(!file("memory.max").exists(), "no file is made");
    assert!(limit_in(directory.path(), TreeMax { memory: 0, ..max }), "nobody wants that one");
    fs::write(file("memory.max"), "max").expect("a file");
    assert!(limit_in(directory.path(), max));
    assert_eq!((text(&file("pids.max")), text(&file("memory.max"))), ("60".to_owned(), "1048576".to_owned()));
}
