use super::*;

fn names() -> impl Iterator<Item = &'static str> {
    CATALOGUE.iter().map(|entry| entry.name)
}

#[test]
fn the_nearest_names_come_first() {
    assert_eq!(nearest("cluade", names()), ["claude"], "a swap is one mistake");
    assert_eq!(nearest("codx", names()), ["codex"]);
    assert_eq!(nearest("goos", names()), ["goose"]);
    assert!(nearest("zzzzzzz", names()).is_empty());
    assert_eq!(nearest("ab", ["abcd", "abc", "xb", "ab", "ac"]), ["ab", "abc", "ac"], "at most three, nearest first");
}

#[test]
fn every_entry_is_complete() {
    for entry in CATALOGUE {
        let name = entry.name;
        assert_eq!(find(name), Some(entry));
        let word = |text: &str| !text.is_empty() && !text.contains(char::is_whitespace);
        assert!(word(name) && name.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{name}");
        assert!(!entry.title.is_empty() && !entry.install.is_empty() && !entry.sign_in.is_empty(), "{name}");
        assert_eq!(entry.commands.is_empty(), name == BUILTIN, "{name} has a command");
        assert!(entry.commands.iter().flat_map(|command| command.iter()).all(|w| word(w)), "{name}");
        assert!(entry.commands.iter().all(|command| !command.is_empty()), "{name}");
        for package in entry.npx.iter().chain(&entry.uvx) {
            assert!(word(package.name) && package.args.iter().all(|w| word(w)), "{name}");
            let has_flag = entry.acp_flag.is_empty() || package.args.contains(&entry.acp_flag);
            assert!(has_flag, "{name} would not speak ACP from its package");
        }
        let has_flag = |command: &&[&str]| entry.acp_flag.is_empty() || command.contains(&entry.acp_flag);
        assert!(entry.commands.iter().all(has_flag), "{name} would not speak ACP");
        assert!(entry.npx.is_none_or(|package| !package.version.is_empty()), "{name}: npx would take what is newest");
        assert!(entry.env.iter().all(|v| word(v) && !v.contains('=')), "{name}");
        let mut env = entry.env.to_vec();
        env.sort_unstable();
        env.dedup();
        assert_eq!(env.len(), entry.env.len(), "{name} names a variable twice");
    }
    assert_eq!(find("no-such-agent"), None);
}

#[test]
fn a_name_or_an_alias_means_one_agent() {
    let all: Vec<&str> = CATALOGUE.iter().flat_map(|e| e.aliases.iter().copied().chain([e.name])).collect();
    assert_eq!(all.iter().collect::<std::collections::HashSet<_>>().len(), all.len(), "{all:?}");
    assert_eq!(find_alias("claude-code").map(|e| e.name), Some("claude"));
    assert_eq!(find_alias("gemini").map(|e| e.name), Some("gemini"));
    assert_eq!(find_alias("nobody"), None);
}

#[test]
fn versions_are_compared_by_their_numbers() {
    for (version, floor) in [("0.9.9", "0.10.0"), ("1.2", "1.2.1"), ("v1.0.0", "2"), ("0.99.0-beta.1", "0.100.0")] {
        assert!(is_older(version, floor), "{version} is older than {floor}");
        assert!(!is_older(floor, version), "{floor} is not older than {version}");
    }
    assert!(!is_older("1.0.0", "1.0.0"));
    assert!(!is_older("unknown", "1.0.0"), "what is no version is not judged");
    assert!(!is_older("0.0.1", ""), "without a floor nothing is too old");
}
