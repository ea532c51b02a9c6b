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
fn every_entry_can_be_found_and_tells_how_it_is_installed() {
    for entry in CATALOGUE {
        assert_eq!(find(entry.name), Some(entry));
        assert!(!entry.install.is_empty() && !entry.sign_in.is_empty());
        assert_eq!(entry.commands.is_empty(), entry.name == BUILTIN);
        assert!(entry.commands.iter().all(|command| !command.is_empty()));
    }
    assert_eq!(find("no-such-agent"), None);
    assert_eq!(names().collect::<std::collections::HashSet<_>>().len(), CATALOGUE.len(), "names are unique");
}
