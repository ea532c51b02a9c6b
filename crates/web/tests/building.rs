//! The build script's parts, with programs that write down how they were called in place of Node and npm.

#[expect(dead_code, reason = "the script uses more of it")]
#[path = "../build/make.rs"]
mod make;
#[path = "../build/sources.rs"]
mod sources;
#[path = "../build/table.rs"]
mod table;

use std::{
    fs::{self, File},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use make::{Failure, Tools, make};
use tempfile::TempDir;

/// How packages are installed for a build alone.
const CI: &str = "ci --omit=dev --ignore-scripts --no-audit --no-fund";

/// A small dashboard's sources, and tools that build it.
struct Web {
    dir: TempDir,
    tools: Tools,
}

impl Web {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for (name, text) in [
            ("web/package.json", "{}"),
            ("web/package-lock.json", "{}"),
            ("web/index.html", "<html>"),
            ("web/src/main.ts", "one"),
            ("web/src/deep/part.test.ts", "a test"),
            ("pack.mjs", "a script"),
        ] {
            fs::create_dir_all(at(name).parent().unwrap()).unwrap();
            fs::write(at(name), text).unwrap();
        }
        let node =
            program(&at("node"), r#"if [ "$1" = --version ]; then echo v20.19.0; else echo pack >> ../calls; fi"#);
        let npm = program(
            &at("npm"),
            r#"case $1 in
            --version) echo 10.8.2;;
            ci) echo "$@" >> ../calls; mkdir -p node_modules; touch node_modules/.package-lock.json;;
            run) echo "build $NODE_ENV" >> ../calls; mkdir ../busy; rm -rf dist; mkdir dist; cp index.html dist; rmdir ../busy;;
            esac"#,
        );
        Self { tools: Tools { node: node.into(), npm: npm.into() }, dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("web").join(name)
    }

    fn make(&self) -> Result<(), Failure> {
        make(&self.dir.path().join("web"), &self.dir.path().join("pack.mjs"), &self.tools).map(drop)
    }

    /// What was called since it was last asked.
    fn calls(&self) -> Vec<String> {
        let text = fs::read_to_string(self.dir.path().join("calls")).unwrap_or_default();
        let _ = fs::remove_file(self.dir.path().join("calls"));
        text.lines().map(str::to_owned).collect()
    }
}

fn program(path: &Path, text: &str) -> PathBuf {
    fs::write(path, format!("#!/bin/sh\nset -e\n{text}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    path.to_owned()
}

#[test]
fn it_is_built_once_for_each_state_of_its_sources() {
    let web = Web::new();
    web.make().unwrap();
    assert_eq!(web.calls(), [CI, "build production", "pack"]);
    web.make().unwrap();
    assert_eq!(web.calls(), [""; 0], "nothing changed");
    fs::write(web.path("src/deep/part.test.ts"), "another test").unwrap();
    fs::create_dir_all(web.path("e2e")).unwrap();
    fs::write(web.path("e2e/story.ts"), "a story").unwrap();
    web.make().unwrap();
    assert_eq!(web.calls(), [""; 0], "tests are not in it");
    fs::write(web.path("src/main.ts"), "two").unwrap();
    web.make().unwrap();
    assert_eq!(web.calls(), ["build production", "pack"], "the packages are there");
    fs::remove_file(web.path("dist/index.html")).unwrap();
    web.make().unwrap();
    assert_eq!(web.calls(), ["build production", "pack"], "it was thrown away");
}

#[test]
fn packages_are_installed_anew_when_the_lock_file_is_newer() {
    let web = Web::new();
    web.make().unwrap();
    web.calls();
    let lock = File::options().write(true).open(web.path("package-lock.json")).unwrap();
    lock.set_len(0).unwrap();
    lock.set_modified(fs::metadata(web.path("dist")).unwrap().modified().unwrap() + Duration::from_secs(60)).unwrap();
    web.make().unwrap();
    assert_eq!(web.calls(), [CI, "build production", "pack"]);
    // Whoever develops has more than a build needs, and keeps it.
    fs::write(web.path("node_modules/.package-lock.json"), r#"{"a": {"dev": true}}"#).unwrap();
    lock.set_modified(fs::metadata(web.path("dist")).unwrap().modified().unwrap() + Duration::from_secs(90)).unwrap();
    fs::write(web.path("src/main.ts"), "four").unwrap();
    web.make().unwrap();
    assert_eq!(web.calls(), ["ci --include=dev --no-audit --no-fund", "build production", "pack"]);
    // Whoever installs by hand has a lock file that is as old as what is installed.
    fs::write(web.path("src/main.ts"), "three").unwrap();
    lock.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    web.make().unwrap();
    assert_eq!(web.calls(), ["build production", "pack"]);
}

#[test]
fn two_at_once_build_it_once() {
    let web = Web::new();
    std::thread::scope(|scope| {
        let both = [(); 2].map(|()| scope.spawn(|| web.make()));
        for one in both {
            one.join().unwrap().unwrap();
        }
    });
    assert_eq!(web.calls(), [CI, "build production", "pack"]);
}

#[test]
fn what_is_missing_is_said_with_the_way_without_it() {
    let mut web = Web::new();
    let said = |web: &Web| web.make().unwrap_err().said;
    let npm = std::mem::replace(&mut web.tools.npm, "/nowhere/npm".into());
    assert!(said(&web).contains("there is no `npm`"), "{}", said(&web));
    web.tools.npm = npm;
    web.tools.node = "/nowhere/node".into();
    assert!(said(&web).contains("there is no `node`"), "{}", said(&web));
    for (version, is_enough) in [("v18.20.8", false), ("v20.18.3", false), ("v20.19.0", true), ("v24.0.0", true)] {
        let node = program(&web.dir.path().join("other-node"), &format!("echo {version}"));
        web.tools.node = node.into();
        match web.make() {
            Ok(()) => assert!(is_enough, "{version}"),
            Err(failure) => {
                assert!(!is_enough, "{version}: {}", failure.said);
                assert!(failure.said.contains(version) && failure.said.contains("20.19"), "{}", failure.said);
                assert!(failure.said.contains("cargo build --no-default-features"), "{}", failure.said);
            }
        }
        let _ = fs::remove_dir_all(web.path("dist"));
    }
}

#[test]
fn a_build_that_fails_shows_its_last_lines_and_is_tried_again() {
    let mut web = Web::new();
    web.make().unwrap();
    fs::write(web.path("src/main.ts"), "broken").unwrap();
    let whole = std::mem::replace(
        &mut web.tools.npm,
        program(&web.dir.path().join("broken"), "[ $1 = run ] || exit 0; seq 100; echo no such import >&2; exit 3")
            .into(),
    );
    let failure = web.make().unwrap_err();
    assert!(failure.said.contains("run build` in web/ failed (exit status: 3)"), "{}", failure.said);
    assert_eq!((failure.output[0].as_str(), failure.output.len()), ("1", 30), "the first lines and the last ones");
    assert_eq!(failure.output[29], "no such import");
    web.tools.npm = whole;
    web.calls();
    web.make().unwrap();
    assert_eq!(web.calls(), ["build production", "pack"]);
}

#[test]
fn the_table_has_every_file_with_its_kind_and_its_forms() {
    let dir = tempfile::tempdir().unwrap();
    let (dist, out) = (dir.path().join("dist"), dir.path().join("out"));
    for (name, text) in [
        ("index.html", "__NONCE__"),
        ("assets/a-1.js", "script"),
        (".packed/assets/a-1.js.br", "b"),
        (".packed/assets/a-1.js.gz", "g"),
        (".packed/index.html.br", "b"),
        (".packed/index.html.gz", "g"),
        ("icon.png", "image"),
        (".stamp", "x"),
    ] {
        fs::create_dir_all(dist.join(name).parent().unwrap()).unwrap();
        fs::write(dist.join(name), text).unwrap();
    }
    table::write(&dist, &out).unwrap();
    let table = fs::read_to_string(out.join("files.rs")).unwrap();
    let lines: Vec<&str> = table.lines().filter(|line| line.contains("File {")).collect();
    assert_eq!(lines.len(), 3, "{table}");
    let has = |line: &str, parts: &[&str]| parts.iter().all(|part| line.contains(part));
    assert!(has(lines[0], &["\"/assets/a-1.js\"", "text/javascript", "Packed { brotli: ", "0.br", "0.gz"]), "{table}");
    assert!(has(lines[1], &["\"/icon.png\"", "image/png", "Plain(", "1.as-is"]), "{table}");
    assert!(has(lines[2], &["\"/index.html\"", "text/html", "Plain("]), "the shell is written anew: {table}");
    assert_eq!(fs::read_to_string(out.join("web/0.br")).unwrap(), "b");
    assert_eq!(fs::read_to_string(out.join("web/2.as-is")).unwrap(), "__NONCE__");
    // A second time, of less.
    fs::remove_file(dist.join("icon.png")).unwrap();
    table::write(&dist, &out).unwrap();
    assert!(!fs::read_to_string(out.join("files.rs")).unwrap().contains("icon.png"));
}
