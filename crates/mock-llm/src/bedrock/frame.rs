//! Frames of `application/vnd.amazon.eventstream`: a prelude with its checksum, headers, a payload, and a checksum of all.

/// The type of a header whose value is text.
const TEXT: u8 = 7;
/// Bytes before the headers: two lengths and a checksum.
const PRELUDE: usize = 12;
/// Bytes of the last checksum.
const END: usize = 4;

/// Adds a frame. Names are shorter than 256 bytes, values than 65,536; longer ones are cut.
pub fn frame(out: &mut Vec<u8>, headers: &[(&str, &str)], payload: &[u8]) {
    let mut head = Vec::new();
    for (name, value) in headers {
        let (name_length, name) = cut(name, usize::from(u8::MAX));
        let (value_length, value) = cut(value, usize::from(u16::MAX));
        head.push(u8::try_from(name_length).unwrap_or(u8::MAX));
        head.extend_from_slice(name);
        head.push(TEXT);
        head.extend_from_slice(&u16::try_from(value_length).unwrap_or(u16::MAX).to_be_bytes());
        head.extend_from_slice(value);
    }
    let length = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX).to_be_bytes();
    let start = out.len();
    out.extend_from_slice(&length(PRELUDE + head.len() + payload.len() + END));
    out.extend_from_slice(&length(head.len()));
    out.extend_from_slice(&crc32fast::hash(&out[start..]).to_be_bytes());
    out.extend_from_slice(&head);
    out.extend_from_slice(payload);
    out.extend_from_slice(&crc32fast::hash(&out[start..]).to_be_bytes());
}

fn cut(text: &str, max: usize) -> (usize, &[u8]) {
    let bytes = &text.as_bytes()[..text.len().min(max)];
    (bytes.len(), bytes)
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
