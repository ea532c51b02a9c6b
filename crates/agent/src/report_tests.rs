use super::*;

#[test]
fn failed_tests_of_the_usual_runners_are_named() {
    let cases = [
        ("test tests::adds ... FAILED\ntest tests::ok ... ok\ntest result: FAILED. 1 passed", vec!["tests::adds"]),
        ("ok 1 - fine\nnot ok 2 - adds\n  ---\n", vec!["adds"]),
        ("✖ adds (0.9ms)\n✖ failing tests:\n✖ adds (0.9ms)\n", vec!["adds"]),
        ("FAILED test_a.py::test_x - assert 1 == 2\n", vec!["test_a.py::test_x"]),
        ("FAIL: test_x (test_a.A.test_x)\n\nFAILED (failures=1)\n", vec!["test_x (test_a.A.test_x)"]),
        ("--- FAIL: TestAdd (0.00s)\n", vec!["TestAdd"]),
        ("error[E0308]: mismatched types\nerror: could not compile `x`\n", vec!["error[E0308]: mismatched types"]),
    ];
    for (output, expected) in cases {
        assert_eq!(findings(Goal::Test, output), expected, "{output}");
    }
}

#[test]
fn unformatted_files_are_named_once() {
    let output = "Diff in /p/src/main.rs:1:\n-a\n+b\nDiff in /p/src/main.rs:9:\n";
    assert_eq!(findings(Goal::Format, output), ["/p/src/main.rs"]);
    assert_eq!(findings(Goal::Format, "a.go\n"), ["a.go"]);
    assert_eq!(findings(Goal::Format, "[warn] a.js\n[warn] Code style issues found in the above file.\n"), ["a.js"]);
}

#[test]
fn lints_keep_their_place() {
    assert_eq!(
        findings(Goal::Lint, "a.py:1:8: F401 `os` imported but unused\nFound 1 error.\n"),
        ["a.py:1:8: F401 `os` imported but unused"]
    );
    assert_eq!(warnings("warning: unused variable: `x`\n  --> a\nwarning: `p` (lib) generated 1 warning\n"), 1);
}

#[test]
fn what_is_not_understood_is_quoted_from_its_end() {
    let output: String = (0..30).map(|n| format!("line {n}\n\n")).collect();
    let found = findings(Goal::Test, &output);
    assert_eq!(found.len(), FALLBACK_LINES);
    assert_eq!(found.last().unwrap(), "line 29");
}

#[test]
fn many_findings_are_counted() {
    let output: String = (0..50).map(|n| format!("test t{n} ... FAILED\n")).collect();
    let found = findings(Goal::Test, &output);
    assert_eq!(found.len(), MAX_FINDINGS + 1);
    assert_eq!(found.last().unwrap(), "and 30 more");
}
