use super::*;

const COLOR: Style = Style { color: true, unicode: true, plain: false };
const PLAIN: Style = Style { color: false, unicode: true, plain: false };

fn draw(text: &str, style: Style, size: usize) -> String {
    let mut markdown = Markdown::new(style, 80);
    let mut out = String::new();
    let chars: Vec<char> = text.chars().collect();
    for piece in chars.chunks(size.max(1)) {
        markdown.push(&piece.iter().collect::<String>(), &mut out);
    }
    markdown.finish(&mut out);
    out
}

/// The text with its colors named.
fn named(text: &str) -> String {
    let names = [
        ("\x1b[0m", "</>"),
        ("\x1b[2m", "<dim>"),
        ("\x1b[1m", "<bold>"),
        ("\x1b[3m", "<italic>"),
        ("\x1b[36m", "<code>"),
        ("\x1b[1;34m", "<head>"),
    ];
    names.iter().fold(text.to_owned(), |text, (code, name)| text.replace(code, name))
}

#[test]
fn marks_become_colors_and_nothing_else_changes() {
    for (text, expected) in [
        ("plain text\n", "plain text\n"),
        ("# Head\ntext", "<head># Head</>\ntext"),
        ("#hashtag\n", "#hashtag\n"),
        ("some **bold** and `code`.\n", "some <bold>bold</> and <code>code</>.\n"),
        ("an *it* here\n", "an <italic>it</> here\n"),
        ("snake_case_word and 2 * 3 * 4\n", "snake_case_word and 2 * 3 * 4\n"),
        ("* item\n- item\n1. item\n", "* item\n- item\n1. item\n"),
        ("**bold** first\n", "<bold>bold</> first\n"),
        ("> quoted\n", "<dim>> quoted</>\n"),
        ("[text](http://a.example) end\n", "text (<code>http://a.example</>) end\n"),
        ("[http://a.example](http://a.example)\n", "http://a.example\n"),
        ("[x] not a link\n", "[x] not a link\n"),
        ("open `mark\nnext\n", "open `mark\nnext\n"),
        ("open **mark\n", "open **mark\n"),
        ("``a`b`` c\n", "<code>a`b</> c\n"),
        ("---\n", "---\n"),
        ("blanks   \nat   ends  ", "blanks\nat   ends"),
        ("empty\n\n\n", "empty\n"),
        ("one\n\ntwo\n", "one\n\ntwo\n"),
    ] {
        assert_eq!(named(&draw(text, COLOR, 1_000)), expected, "{text:?}");
    }
}

#[test]
fn code_stays_as_it_is() {
    let text = "```rust\nfn main() {\n    let a = \"**x** `y`\";\n# no heading\n}\n```\nafter **b**\n";
    let expected =
        "<dim>```rust</>\nfn main() {\n    let a = \"**x** `y`\";\n# no heading\n}\n<dim>```</>\nafter <bold>b</>\n";
    assert_eq!(named(&draw(text, COLOR, 1_000)), expected);
    assert_eq!(named(&draw("~~~\n```\n~~~\n*x*\n", COLOR, 1_000)), "<dim>~~~</>\n```\n<dim>~~~</>\n<italic>x</>\n");
}

#[test]
fn tables_are_aligned_when_they_are_complete() {
    let text = "| a | bee |\n|---|---|\n| 1 | **two** |\n| three | 4 |\nafter\n";
    let expected = "<bold>a      bee</>\n<dim>-----  ---</>\n1      two\nthree  4\nafter\n";
    assert_eq!(named(&draw(text, COLOR, 1_000)), expected);
    assert_eq!(named(&draw("| no | table\nafter\n", COLOR, 1_000)), "| no | table\nafter\n");
    let wide = format!("| {} | b |\n|---|---|\n", "x".repeat(100));
    assert_eq!(draw(&wide, COLOR, 1_000), wide, "a table that is too wide stays as it came");
}

#[test]
fn pieces_do_not_matter() {
    let text = "# Head\n\nSome **bold**, *it*, `code` and a [link](http://x.example/a).\n\n* one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n> q\n\n```sh\n  ls **\n```\nend snake_case  \n\n";
    for style in [COLOR, PLAIN] {
        let whole = draw(text, style, 10_000);
        for size in 1..40 {
            assert_eq!(draw(text, style, size), whole, "pieces of {size}");
        }
    }
}

#[test]
fn without_colors_the_text_is_what_the_agent_wrote() {
    let text = "# Head\n\n**bold** `code`\n\n| a | b |\n|---|---|\n```\nx\n```\n";
    assert_eq!(draw(text, PLAIN, 3), text);
}

#[test]
fn every_word_is_there_once_whatever_the_text() {
    // Marks that never close hold text back for a bounded time only, and lose nothing.
    let text = format!("a ` b * c _d [e {} ** f\ng", "word ".repeat(60));
    let drawn = draw(&text, COLOR, 7);
    assert_eq!(drawn.matches("word").count(), 60);
    assert!(drawn.contains("** f\ng"), "{drawn:?}");
    let mut markdown = Markdown::new(COLOR, 80);
    let mut out = String::new();
    markdown.push(&format!("x `{}", "y".repeat(200)), &mut out);
    assert!(out.len() > 180, "only so much is held back: {}", out.len());
}
