//! Blanks comments and literals out of Rust source, so that words in them are not taken for code.

/// The same text with every comment, string and character literal replaced by blanks; line breaks
/// stay where they are.
pub fn code_only(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = literal_length(rest, out.chars().next_back());
        if length == 0 {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            let (literal, after) = rest.split_at(length);
            out.extend(literal.chars().map(|c| if c == '\n' { c } else { ' ' }));
            rest = after;
        }
    }
    out
}

/// How many bytes of a comment or literal stand at the beginning, if any.
fn literal_length(text: &str, before: Option<char>) -> usize {
    let in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    if text.starts_with("/*") {
        return block_comment_length(text);
    }
    if text.starts_with('"') {
        return string_length(text);
    }
    if !in_word && let Some(prefix) = ["r", "br", "cr"].iter().find(|r| text.starts_with(**r)) {
        return raw_string_length(text, prefix.len());
    }
    if text.starts_with('\'') {
        return char_length(text);
    }
    0
}

fn block_comment_length(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Counts from the prefix; a raw identifier such as `r#type` is no string.
fn raw_string_length(text: &str, prefix: usize) -> usize {
    let hashes = text[prefix..].bytes().take_while(|byte| *byte == b'#').count();
    let body = &text[prefix + hashes..];
    if !body.starts_with('"') {
        return 0;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    match body[1..].find(&end) {
        Some(at) => prefix + hashes + 1 + at + end.len(),
        None => text.len(),
    }
}

/// A quote is a character literal when it closes after one character or an escape, else it begins
/// a lifetime.
fn char_length(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match chars.next() {
        Some((_, '\\')) => text[2..].char_indices().skip(1).find(|(_, c)| *c == '\'').map_or(0, |(at, _)| at + 3),
        Some(_) => match chars.next() {
            Some((at, '\'')) => at + 1,
            _ => 0,
        },
        None => 0,
    }
}

#[cfg(test)]
#[path = "code_only_tests.rs"]
mod tests;
