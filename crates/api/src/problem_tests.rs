//! Holds the list of codes, its page in the documentation and the wire form together.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::{env, fs};

use serde_json::json;

use super::*;
use crate::exit;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md");

#[test]
fn every_code_is_unique_and_spelled_as_serde_spells_it() {
    let mut seen = HashSet::new();
    for code in Code::ALL {
        assert!(seen.insert(code.as_str()), "{code} stands twice");
        assert_eq!(serde_json::to_value(code).unwrap(), json!(code.as_str()));
        assert_eq!(Code::parse(code.as_str()), Some(*code));
    }
    assert_eq!(Code::parse("no_such_code"), None);
}

#[test]
fn every_code_has_an_exit_that_is_no_success() {
    let known = [
        exit::FAILED,
        exit::USAGE,
        exit::NOT_COMPLETED,
        exit::PERMISSION_DENIED,
        exit::AGENT_FAILED,
        exit::SERVER_UNREACHABLE,
        exit::WAIT_TIMEOUT,
    ];
    for code in Code::ALL {
        assert!(known.contains(&code.exit_code()), "{code}");
    }
}

#[test]
fn every_status_is_an_error_and_finds_a_general_code_of_its_own_status() {
    for code in Code::ALL {
        let Some(status) = code.http_status() else {
            continue;
        };
        assert!((400..600).contains(&status), "{code}: {status}");
        let general = Code::for_status(status).http_status();
        assert!(general == Some(status) || general == Some(500), "{code}");
    }
}

/// check 4: a code without a hint is one that has nothing to do about it, or whose words depend on the case.
#[test]
fn every_code_has_a_hint_or_is_known_to_need_none() {
    let without: Vec<&str> = Code::ALL.iter().filter(|code| code.hint().is_none()).map(|code| code.as_str()).collect();
    let needs_none = [
        "method_not_allowed",
        "nothing_to_repair",
        "wait_timeout",
        "worktree_failed",
        "prompt_not_text",
        "permission_already_decided",
        "agent_refused",
        "protocol_unsupported",
        "config_invalid",
    ];
    assert_eq!(without, needs_none);
}

#[test]
fn samples_of_the_table() {
    for (code, status, exit) in [
        (Code::AuthRequired, Some(401), exit::FAILED),
        (Code::CwdMissing, Some(400), exit::USAGE),
        (Code::CwdNotAllowed, Some(403), exit::USAGE),
        (Code::AgentCrashed, Some(502), exit::AGENT_FAILED),
        (Code::AgentNoHandshake, Some(504), exit::AGENT_FAILED),
        (Code::AgentRefused, None, exit::NOT_COMPLETED),
        (Code::PermissionUnanswered, None, exit::PERMISSION_DENIED),
        (Code::Unavailable, Some(503), exit::SERVER_UNREACHABLE),
        (Code::VersionSkew, Some(426), exit::SERVER_UNREACHABLE),
        (Code::WaitTimeout, None, exit::WAIT_TIMEOUT),
    ] {
        assert_eq!((code.http_status(), code.exit_code()), (status, exit), "{code}");
    }
}

#[test]
fn templates_name_no_member_of_the_wire_form_and_follow_the_style() {
    for code in Code::ALL {
        for template in [Some(code.message()), code.hint()].into_iter().flatten() {
            let mut rest = template;
            while let Some((_, name, after)) = next_brace(rest) {
                assert!(!RESERVED.contains(&name), "{code}: {{{name}}}");
                rest = after;
            }
            assert!(!template.ends_with('.'), "{code}: {template}");
            for word in ["failed to", "invalid input", "unexpected error", "please"] {
                assert!(!template.contains(word), "{code}: {template}");
            }
        }
    }
}

#[test]
fn wire_form_round_trips_with_its_fields_beside_the_members() {
    let problem = Problem::new(Code::CwdMissing, "~/shpo does not exist")
        .hint("did you mean ~/shop?")
        .with("dir", "~/shpo")
        .with("near", "~/shop");
    let wire = serde_json::to_value(&problem).unwrap();
    assert_eq!(
        wire,
        json!({
            "type": "errors#cwd_missing",
            "title": "cwd missing",
            "status": 400,
            "code": "cwd_missing",
            "detail": "~/shpo does not exist",
            "hint": "did you mean ~/shop?",
            "dir": "~/shpo",
            "near": "~/shop",
        })
    );
    assert_eq!(serde_json::from_value::<Problem>(wire).unwrap(), problem);
}

#[test]
fn what_never_travels_has_no_status_on_the_wire() {
    let wire = serde_json::to_value(Problem::new(Code::NoWorker, "no worker")).unwrap();
    assert!(wire.get("status").is_none());
}

#[test]
fn code_of_a_newer_server_becomes_the_general_one_and_is_kept() {
    let problem: Problem = serde_json::from_value(json!({
        "code": "brand_new", "status": 409, "detail": "not now", "hint": "later",
    }))
    .unwrap();
    assert_eq!(problem.code, Code::WrongState);
    assert_eq!(problem.detail, "not now");
    assert_eq!(problem.hint.as_deref(), Some("later"));
    assert_eq!(problem.fields[FOREIGN_CODE], json!("brand_new"));
}

#[test]
fn one_thing_is_said_as_one() {
    let files = |n: u64| Problem::filled(Code::WorktreeDirty, [("n", json!(n)), ("dir", json!("/w"))]).detail;
    assert_eq!((files(1).as_str(), files(2).as_str()), ("1 file not committed in /w", "2 files not committed in /w"));
    let left = |n: u64| Problem::filled(Code::StopUnverified, [("n", json!(n)), ("worker", json!("w"))]).detail;
    assert!(left(1).contains("but 1 process of w"), "{}", left(1));
}

#[test]
fn filled_problem_leaves_a_hint_out_that_it_cannot_say() {
    let problem = Problem::filled(Code::ModelUnknown, [("agent", json!("codex")), ("m", json!("o9"))]);
    assert_eq!(problem.detail, "codex has no model o9");
    assert_eq!(problem.hint, None);

    let problem = Problem::filled(Code::ModelUnknown, [("m", json!("o9")), ("list", json!([]))]);
    assert_eq!(problem.hint, None);

    let problem = Problem::filled(
        Code::ModelUnknown,
        [("agent", json!("codex")), ("m", json!("o9")), ("list", json!(["o3", "o4"]))],
    );
    assert_eq!(problem.hint.as_deref(), Some("has: o3, o4"));
}

#[test]
fn schema_names_the_members_and_lets_fields_through() {
    let schema = serde_json::to_value(Problem::schema()).unwrap().to_string();
    for member in ["\"type\"", "title", "status", "code", "detail", "hint"] {
        assert!(schema.contains(member), "{member}: {schema}");
    }
    assert!(schema.contains("additionalProperties"), "{schema}");
    assert_eq!(Problem::name(), "Problem");
}

/// `cargo xtask gen` runs this with `CONVENE_GEN` set, which writes the page.
#[test]
fn generated_errors_page() {
    let page = errors_page();
    if env::var_os("CONVENE_GEN").is_some() {
        fs::write(PAGE, &page).unwrap();
    }
    let committed = fs::read_to_string(PAGE).unwrap_or_default();
    assert!(committed == page, "docs/errors.md is stale: run `cargo xtask gen`");
    for code in Code::ALL {
        let anchor = code.doc_anchor();
        let (_, heading) = anchor.split_once('#').unwrap();
        assert!(page.contains(&format!("\n### {heading}\n")), "{anchor}");
    }
}

fn errors_page() -> String {
    let mut page = String::from(
        "<!-- Generated by `cargo xtask gen` from crates/api/src/problem/code.rs. -->\n\n\
         # Errors\n\n\
         Every refusal and failure has a code from this closed list. Codes are never renamed; the \
         text for people may change. Words in braces are fields of the problem object \
         (`application/problem+json`). Exit codes are those of the command line: 0 done, 1 refused \
         or failed, 2 usage or configuration, 3 turn ended without completing, 4 a denied \
         permission ended it, 5 the agent failed, 6 no server answers, 101 a bug of ours, \
         124 `wait --timeout` ran out, 130 Ctrl-C, 141 the reader went away, 143 SIGTERM.\n",
    );
    let mut area = "";
    for code in Code::ALL {
        if code.area() != area {
            area = code.area();
            write!(page, "\n## {area}\n").unwrap();
        }
        let status = match code.http_status() {
            Some(status) => format!("HTTP {status}"),
            None => "never over HTTP".to_owned(),
        };
        write!(page, "\n### {code}\n\n{status} · exit {}\n\n> {}\n", code.exit_code(), code.message()).unwrap();
        if let Some(hint) = code.hint() {
            write!(page, ">\n> hint: {hint}\n").unwrap();
        }
    }
    page
}
