//! Frames are what the format's description says, byte for byte.

use super::frame;

#[test]
fn a_frame_without_anything_is_sixteen_bytes() {
    let mut out = Vec::new();
    frame(&mut out, &[], b"");
    // The first of the format's published examples.
    assert_eq!(out, [0, 0, 0, 0x10, 0, 0, 0, 0, 0x05, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xff]);
}

#[test]
fn lengths_and_checksums_cover_headers_and_payload() {
    let mut out = vec![1, 2, 3];
    frame(&mut out, &[(":message-type", "event")], b"{}");
    let out = &out[3..];
    let number = |at: usize| u32::from_be_bytes([out[at], out[at + 1], out[at + 2], out[at + 3]]);
    assert_eq!(number(0) as usize, out.len());
    assert_eq!(number(4) as usize, 1 + ":message-type".len() + 1 + 2 + "event".len());
    assert_eq!(number(8), crc32fast::hash(&out[..8]));
    assert_eq!(number(out.len() - 4), crc32fast::hash(&out[..out.len() - 4]));
    assert_eq!(&out[12..26], b"\x0d:message-type");
    assert_eq!(&out[26..34], b"\x07\x00\x05event");
    assert_eq!(&out[34..36], b"{}");
}
