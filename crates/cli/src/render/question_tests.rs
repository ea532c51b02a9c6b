use serde_json::json;

use super::*;

const STYLE: Style = Style { color: false, unicode: true, plain: false };
const PLACE: Place<'_> = Place { cwd: "/home/ana/shop", home: Some("/home/ana") };

fn request() -> PermissionId {
    "prm_01900000000070008000000000007d01".parse().expect("an id")
}

fn option(id: &str, name: &str, kind: PermissionKind) -> PermissionOption {
    PermissionOption { id: id.to_owned(), name: name.to_owned(), kind }
}

fn options() -> Vec<PermissionOption> {
    vec![
        option("always", "Always allow", PermissionKind::AllowAlways),
        option("once", "Allow once", PermissionKind::AllowOnce),
        option("no", "Reject", PermissionKind::RejectOnce),
    ]
}

fn call(value: serde_json::Value) -> ToolCall {
    serde_json::from_value(value).expect("a tool call")
}

fn push() -> ToolCall {
    call(
        json!({"id": "t1", "kind": "execute", "title": "Push", "raw_input": {"command": ["bash", "-lc", "git push origin HEAD:main"]}}),
    )
}

fn question() -> Question {
    Question::new(request(), &push(), &options(), STYLE, PLACE)
}

#[test]
fn it_reads_as_on_the_page() {
    let mut question = question();
    let mut rows = question.opening(STYLE, "codex", "(also: convene approve k3f9qz)");
    rows.push(question.choices(STYLE, PLACE, 1, 1));
    rows.push(question.input_row(STYLE, Some(Duration::from_secs(300)), "n"));
    assert_eq!(
        rows,
        [
            "? codex asks to run a command  (also: convene approve k3f9qz)",
            "    git push origin HEAD:main",
            "    in ~/shop · request prm_007d01 · 1 of 1 ·  1 Always allow   2 Allow once   3 Reject",
            "  number and Enter (y = 2, n = 3, v = details) · rejects in 5:00 > n",
        ]
    );
}

#[test]
fn y_and_n_mean_once_and_nothing_else() {
    let mut question = question();
    question.opening(STYLE, "codex", "");
    let chosen = |typed: &str| match question.reply(typed) {
        Reply::Choose(option) => option.id,
        other => format!("{other:?}"),
    };
    assert_eq!(chosen("y"), "once");
    assert_eq!(chosen(" N "), "no");
    assert_eq!(chosen("1"), "always");
    assert_eq!(chosen("2"), "once");
    assert_eq!(question.reply(""), Reply::Nothing, "Enter alone decides nothing");
    assert_eq!(question.reply("v"), Reply::Details);
    for typed in ["0", "4", "yes", "always", "yy", "-1"] {
        assert!(matches!(question.reply(typed), Reply::Unclear(_)), "{typed}");
    }
}

#[test]
fn an_agent_that_offers_only_always_gets_no_y() {
    let only = [
        option("always", "Always", PermissionKind::AllowAlways),
        option("never", "Never", PermissionKind::RejectAlways),
    ];
    let mut question = Question::new(request(), &push(), &only, STYLE, PLACE);
    question.opening(STYLE, "codex", "");
    assert!(matches!(question.reply("y"), Reply::Unclear(_)));
    assert!(matches!(question.reply("n"), Reply::Unclear(_)));
    assert!(matches!(question.reply("2"), Reply::Choose(_)));
    assert_eq!(question.input_row(STYLE, None, ""), "  number and Enter (v = details) > ");
}

#[test]
fn what_a_terminal_would_hide_is_shown() {
    let call = call(json!({"id": "t", "kind": "execute", "raw_input": {"command": "ls\x1b[2K\u{202e} -la"}}));
    let hidden = [option("y", "Yes\x1b[2J", PermissionKind::AllowOnce)];
    let mut question = Question::new(request(), &call, &hidden, STYLE, PLACE);
    let rows = question.opening(STYLE, "codex", "");
    assert_eq!(rows[1], "    ls\\x1b[2K\\u202e -la");
    assert!(question.choices(STYLE, PLACE, 1, 1).ends_with("1 Yes\\x1b[2J"));
}

#[test]
fn a_long_text_locks_the_allow_answers_until_it_was_paged() {
    let lines: Vec<String> = (1..=450).map(|n| format!("echo {n}")).collect();
    let call = call(json!({"id": "t", "kind": "execute", "raw_input": {"command": lines.join("\n")}}));
    let mut question = Question::new(request(), &call, &options(), STYLE, PLACE);
    let rows = question.opening(STYLE, "codex", "");
    assert_eq!(rows.len(), 1 + LOCK_LINES + 1);
    assert!(rows.last().is_some_and(|row| row.contains("250 lines below")), "{:?}", rows.last());
    assert!(matches!(question.reply("y"), Reply::Unclear(_)));
    assert!(matches!(question.reply("1"), Reply::Unclear(_)));
    assert!(matches!(question.reply("n"), Reply::Choose(_)), "no needs no reading");
    question.more_or_details();
    assert!(matches!(question.reply("y"), Reply::Unclear(_)));
    let rest = question.more_or_details();
    assert_eq!(rest.last().map(String::as_str), Some("    echo 450"));
    assert!(matches!(question.reply("y"), Reply::Choose(_)));
    assert_eq!(question.more_or_details().first().map(String::as_str), Some("    tool call t"));
}

#[test]
fn a_change_is_shown_whole() {
    let call = call(json!({
        "id": "t", "kind": "edit", "title": "Edit a.txt", "locations": [{"path": "/home/ana/shop/a.txt"}],
        "content": [{"type": "diff", "path": "/home/ana/shop/a.txt", "old_text": "one\n", "new_text": "two\n"}]
    }));
    let mut question = Question::new(request(), &call, &options(), STYLE, PLACE);
    let rows = question.opening(STYLE, "codex", "");
    assert_eq!(rows[0].trim_end(), "? codex asks to change a file");
    assert_eq!(&rows[1..], ["    Edit a.txt", "    a.txt", "    @@ -1 +1 @@", "    -one", "    +two"]);
}

#[test]
fn what_is_asked_is_shown_where_the_title_is_a_tools_name() {
    let content =
        json!([{"type": "content", "content": {"type": "text", "text": "Requesting approval to run:\ngit push"}}]);
    let asked = call(json!({"id": "t1", "kind": "execute", "title": "Bash", "content": content}));
    let mut question = Question::new(request(), &asked, &options(), STYLE, PLACE);
    let rows = question.opening(STYLE, "kimi", "");
    assert_eq!(rows[1..], ["    Bash", "    Requesting approval to run:", "    git push"]);
    assert_eq!(tool::subject(&asked, "/", None), "Requesting approval to run: git push");
    // A title that tells it is enough.
    let told = call(json!({"id": "t1", "kind": "execute", "title": "Running: ls", "content": content}));
    assert_eq!(tool::subject(&told, "/", None), "Running: ls");
}
