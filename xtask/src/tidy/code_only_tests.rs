//! Shows what is taken for code and what is not.

use super::code_only;

fn words(text: &str) -> String {
    let blanked = code_only(text);
    assert_eq!(blanked.lines().count(), text.lines().count());
    blanked.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn comments_go() {
    assert_eq!(words("a // b\nc /* d /* e */ f */ g\n//! h"), "a c g");
}

#[test]
fn strings_go() {
    assert_eq!(words(r#"a("b \" // c", d)"#), "a( , d)");
    assert_eq!(words("a(r\"b\\\", c)"), "a( , c)");
    assert_eq!(words("a(r#\"b \" c\"#, br##\"d\"# e\"##, f)"), "a( , , f)");
    assert_eq!(words("r#type r for_r\"x\""), "r#type r for_r");
    assert_eq!(words("a \"b\nc\" d"), "a d");
}

#[test]
fn characters_go_and_lifetimes_stay() {
    assert_eq!(words(r"a('\'', '\\', '\u{1b}', 'ä', '/')"), "a( , , , , )");
    assert_eq!(words("fn f<'a>(x: &'a str) { g('\"') } // h"), "fn f<'a>(x: &'a str) { g( ) }");
}

#[test]
fn unfinished_text_ends() {
    for text in ["\"a", "r#\"a", "/* a", "'", "'\\", "r#"] {
        code_only(text);
    }
}
