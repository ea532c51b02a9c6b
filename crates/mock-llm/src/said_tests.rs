//! What agents say around a prompt is not the person's.

use super::own_words;

#[test]
fn context_is_told_from_words() {
    for (text, own) in [
        ("hello", Some("hello")),
        ("  \n", None),
        ("<environment_context>\n<cwd>/x</cwd>\n</environment_context>", None),
        ("<system-reminder>\nToday is Monday\n</system-reminder>\nhello", Some("hello")),
        ("hello\n<system-reminder>a</system-reminder> there <system-reminder>b</system-reminder>", Some("hello there")),
        ("# AGENTS.md instructions for /x\n\n<INSTRUCTIONS>\n", None),
        ("This is the Gemini CLI. We are setting up the context for our chat.\nToday is Monday", None),
        ("<INSTRUCTIONS>do</INSTRUCTIONS>\nnow this", Some("now this")),
        ("<permissions instructions>may</permissions instructions>", None),
        ("<b>bold</b> is what?", Some("<b>bold</b> is what?")),
        ("1 < 2 and 3 > 2", Some("1 < 2 and 3 > 2")),
        ("<user_info> without an end", None),
    ] {
        assert_eq!(own_words(text).as_deref(), own, "{text:?}");
    }
}
