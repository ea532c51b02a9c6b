//! The same deaths inside a delegated cgroup. Where none can be made (not root, no cgroup v2) they are shown as ignored.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use convene_host::rundir::{Containment, Recorder};
use libtest_mimic::Trial;

use crate::fixture::{Attempt, kill, kill_together};

pub fn trials() -> Vec<Trial> {
    let possible = Delegated::make("probe").is_some_and(|probe| set_attribute(&probe.0));
    let test = |name: &str, body: fn()| {
        let body = move || {
            body();
            Ok(())
        };
        Trial::test(name, body).with_ignored_flag(!possible)
    };
    vec![
        test("cgroup_kill_runner", kill_runner),
        test("cgroup_kill_keeper", kill_keeper),
        test("cgroup_kill_keeper_and_runner", kill_keeper_and_runner),
        test("cgroup_that_was_not_delegated_is_left_alone", not_delegated),
    ]
}

fn kill_runner() {
    let scene = Scene::set("runner", Delegation::Marked);
    let path = scene.cgroup();
    kill(&scene.attempt.cast().runner);
    let record = scene.attempt.finish();
    assert_eq!((record.by, record.containment), (Recorder::Keeper, Containment::Cgroup));
    assert!(!path.exists(), "the cgroup goes with the attempt");
}

fn kill_keeper() {
    let scene = Scene::set("keeper", Delegation::Marked);
    let path = scene.cgroup();
    kill(&scene.attempt.cast().keeper);
    let record = scene.attempt.finish();
    assert_eq!((record.by, record.containment), (Recorder::Runner, Containment::Cgroup));
    assert!(!path.exists(), "the runner can't remove the cgroup that it is in, so the worker does");
}

fn kill_keeper_and_runner() {
    let scene = Scene::set("both", Delegation::Marked);
    let path = scene.cgroup();
    let cast = scene.attempt.cast();
    kill_together(&[&cast.keeper, &cast.runner]);
    assert_eq!(scene.attempt.finish().by, Recorder::Worker);
    assert!(!path.exists());
}

fn not_delegated() {
    let scene = Scene::set("plain", Delegation::Unmarked);
    let record = scene.attempt.run_dir.attempt_record().expect("read attempt.json").expect("there is one");
    assert_eq!((record.containment, record.cgroup), (Some(Containment::Subreaper), None));
    kill(&scene.attempt.cast().runner);
    assert_eq!(scene.attempt.finish().containment, Containment::Subreaper);
}

/// An attempt that was launched by a worker inside a cgroup. The fields are dropped in this order.
struct Scene {
    attempt: Attempt,
    _worker: Worker,
    _delegated: Delegated,
}

struct Worker(Child);

enum Delegation {
    Marked,
    Unmarked,
}

impl Scene {
    fn set(name: &str, delegation: Delegation) -> Scene {
        let delegated = Delegated::make(name).expect("the probe could make one");
        match delegation {
            Delegation::Marked => delegated.mark(),
            Delegation::Unmarked => {}
        }
        let attempt = Attempt::prepare();
        // A shell moves itself into the cgroup, then becomes the worker.
        let worker = Command::new("/bin/sh")
            .args(["-c", "echo $$ > \"$0/cgroup.procs\" && exec \"$@\""])
            .arg(&delegated.0)
            .arg(std::env::current_exe().expect("own path"))
            .arg("worker")
            .args([attempt.run_dir.path(), attempt.diary()])
            .current_dir("/")
            .spawn()
            .expect("start a worker");
        let scene = Scene { attempt, _worker: Worker(worker), _delegated: delegated };
        scene.attempt.wait_until_up();
        scene
    }

    fn cgroup(&self) -> PathBuf {
        let record = self.attempt.run_dir.attempt_record().expect("read attempt.json").expect("there is one");
        let path = record.cgroup.expect("the attempt has a cgroup");
        let members = fs::read_to_string(path.join("cgroup.procs")).expect("list the members");
        let cast = self.attempt.cast();
        let is_member = |pid: i32| members.lines().any(|line| line == pid.to_string());
        assert!(is_member(cast.runner.pid) && is_member(cast.agent.pid));
        assert!(!is_member(cast.keeper.pid), "the keeper must outlive the kill");
        path
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A cgroup as systemd would hand it to a service with `Delegate=yes`.
struct Delegated(PathBuf);

impl Delegated {
    fn make(name: &str) -> Option<Delegated> {
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
        let mount = mounts.lines().find_map(|line| {
            let fields: Vec<&str> = line.split(' ').collect();
            (fields.get(2) == Some(&"cgroup2")).then(|| PathBuf::from(fields[1]))
        })?;
        let path = mount.join(format!("keeper-test-{name}-{}", std::process::id()));
        fs::create_dir(&path).ok()?;
        let delegated = Delegated(path);
        delegated.0.join("cgroup.kill").exists().then_some(delegated)
    }

    fn mark(&self) {
        assert!(set_attribute(&self.0));
    }
}

fn set_attribute(path: &Path) -> bool {
    rustix::fs::setxattr(path, "user.delegate", b"1", rustix::fs::XattrFlags::empty()).is_ok()
}

impl Drop for Delegated {
    fn drop(&mut self) {
        let _ = fs::write(self.0.join("cgroup.kill"), "1");
        crate::fixture::wait_until("the cgroup is empty", || fs::remove_dir(&self.0).is_ok());
    }
}
