use super::*;

#[test]
fn finds_the_line_that_tells_most() {
    let node = "file:///x/index.js:3\nimport { x } from 'y';\n         ^\nSyntaxError: it has no export named x\n    \
                at ModuleJob._instantiate (node:internal:123:21)\n\nNode.js v18.1.0\n";
    assert_eq!(telling_line(node), Some("SyntaxError: it has no export named x"));
    let usage = "error: unknown option '--acp'\n(Did you mean --app?)\nUsage: agent [options]\n";
    assert_eq!(telling_line(usage), Some("error: unknown option '--acp'"));
    let python = "Traceback (most recent call last):\n  File \"a.py\", line 1\nValueError: no key\n";
    assert_eq!(telling_line(python), Some("ValueError: no key"));
    assert_eq!(telling_line("starting\nloading\n"), Some("loading"));
    assert_eq!(telling_line("\n - \n"), None);
}

#[test]
fn last_words_are_those_about_the_end() {
    let startup = "warning: cannot read settings\n";
    let recent = "saving\nfatal error: out of memory\nbye\n";
    assert_eq!(last_words(recent, &format!("{startup}{recent}")), Some("fatal error: out of memory"));
    // An error that came earlier in the turn says more than a farewell.
    assert_eq!(last_words("bye\n", "ValueError: no key\nbye\n"), Some("ValueError: no key"));
    assert_eq!(last_words("bye\n", "working\nbye\n"), Some("bye"));
    assert_eq!(last_words("", "working\n"), None);
}

#[test]
fn tells_apart_why_a_program_does_not_start() {
    let home = tempfile::tempdir().unwrap();
    let place = |name: &str| home.path().join(name).display().to_string();
    std::fs::write(place("plain"), "text").unwrap();
    std::fs::write(place("script"), "#!/no/such/interpreter -x\n").unwrap();
    std::fs::set_permissions(place("script"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let start = |program: &str, cwd: &Path| {
        let agent = LaunchSpec {
            name: "mine".to_owned(),
            command: vec![program.to_owned(), "--acp".to_owned()],
            ..LaunchSpec::default()
        };
        let error = std::process::Command::new(program).current_dir(cwd).spawn().unwrap_err();
        launch_failure(&agent, cwd, &error)
    };
    let cases = [
        (start(&place("missing"), home.path()), "No such file"),
        (start(&place("plain"), home.path()), "may not be run"),
        (start(&place(""), home.path()), "is a directory"),
        (start(&place("script"), home.path()), "begins with #!/no/such/interpreter"),
        (start("/bin/true", &home.path().join("gone")), "gone is not there"),
    ];
    for (failure, words) in cases {
        assert!(failure.summary.contains(words), "{failure:?} does not say {words:?}");
        assert!(failure.hint.is_some(), "{failure:?}");
    }
}
