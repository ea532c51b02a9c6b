//! What agents say in words of their own, as data: rules that hold for all of them are elsewhere.

/// The variables that hold the key of a provider, by the name under which agents announce it in
/// `_meta.api-key.provider` of a way to sign in. One of them is enough.
pub(crate) const KEYS_OF_PROVIDERS: &[(&str, &[&str])] = &[
    ("anthropic", &["ANTHROPIC_API_KEY"]),
    ("google", &["GEMINI_API_KEY", "GOOGLE_API_KEY"]),
    ("mistral", &["MISTRAL_API_KEY"]),
    ("openai", &["OPENAI_API_KEY", "CODEX_API_KEY"]),
];

/// Words by which an error with the code of a wanted sign-in is one: the code alone is also that of any error of a server.
pub(crate) const SIGN_IN_WORDS: &[&str] = &[
    "401",
    "api key",
    "api-key",
    "api_key",
    "apikey",
    "auth",
    "credential",
    "log in",
    "logged in",
    "login",
    "sign in",
    "sign-in",
    "signed in",
];

/// Words by which an error of any code wants a sign-in.
pub(crate) const SIGN_IN_SENTENCES: &[&str] = &["authentication required", "auth_required"];

/// What a program that speaks with headers, as language servers do, begins with.
pub(crate) const HEADERS: &[&str] = &["content-length:", "http/1."];

/// Where an update of a tool call has a piece of what a command prints, as `{"data": "…"}` in its `_meta`.
pub(crate) const OUTPUT_PIECES: &[&str] = &["terminal_output_delta", "terminal_output"];

/// How the name of a variable with a key in it ends.
pub(crate) const KEY_ENDS: &[&str] = &["_API_KEY", "_AUTH_TOKEN", "_TOKEN", "_KEY"];

/// Words of the line of an output that tells what went wrong.
pub(crate) const ERROR_WORDS: &[&str] = &[
    "error",
    "exception",
    "cannot",
    "could not",
    "denied",
    "not found",
    "no such",
    "panicked",
    "requires",
    "unknown",
    "unrecognized",
    "unsupported",
];

/// How lines begin that are part of a stack, or say who prints it.
pub(crate) const STACK_LINES: &[&str] = &["at ", "File \"", "Node.js v", "Traceback ", "note: run with"];

/// Whether an agent refuses a value only because it has it: a session that it loads again is in the mode that it was left
/// in, whatever the agent says of it.
pub(crate) fn is_so_already(error: &str, value: &str) -> bool {
    let error = error.to_lowercase();
    error.contains("already") && error.contains(&value.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::is_so_already;

    #[test]
    fn what_is_so_already_is_no_refusal() {
        assert!(is_so_already("Internal error: Already in plan mode", "plan"));
        assert!(!is_so_already("Internal error: Already in default mode", "plan"));
        assert!(!is_so_already("plan is not offered", "plan"));
    }
}
