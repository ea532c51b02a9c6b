//! Shows that what goes past the owner of a connection and what the owner writes never get into each other.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

fn pair() -> (Connection, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    (Connection::new(ours), theirs)
}

/// As much as no socket takes at once, of one letter.
fn much(letter: u8) -> Bytes {
    vec![letter; 8 << 20].into()
}

/// Sends once the socket is known to take something.
async fn send(connection: &Connection, frames: &Bytes) -> Sent {
    loop {
        match connection.wire().send(frames) {
            Sent::Nothing => tokio::task::yield_now().await,
            sent => return sent,
        }
    }
}

#[tokio::test]
async fn what_a_socket_takes_goes_out_at_once() {
    let (connection, mut peer) = pair();
    assert_eq!(send(&connection, &Bytes::from_static(b"hello")).await, Sent::Whole);
    let mut read = [0; 5];
    peer.read_exact(&mut read).await.unwrap();
    assert_eq!(&read, b"hello");
}

#[tokio::test]
async fn the_rest_goes_out_before_what_the_owner_writes() {
    let (mut connection, mut peer) = pair();
    assert_eq!(send(&connection, &much(b'a')).await, Sent::Part);
    assert_eq!(connection.wire().send(&Bytes::from_static(b"later")), Sent::Nothing, "the rest comes first");
    let (written, read) = tokio::join!(
        async {
            connection.write_all(b"own").await?;
            connection.shutdown().await
        },
        async {
            let mut read = Vec::new();
            peer.read_to_end(&mut read).await.map(|_| read)
        }
    );
    written.unwrap();
    let read = read.unwrap();
    assert!(read[..8 << 20].iter().all(|byte| *byte == b'a'));
    assert_eq!(&read[8 << 20..], b"own");
}

#[tokio::test]
async fn a_flush_brings_the_rest_out() {
    let (mut connection, mut peer) = pair();
    assert_eq!(send(&connection, &much(b'a')).await, Sent::Part);
    let (flushed, read) = tokio::join!(connection.flush(), async {
        let mut read = vec![0; 8 << 20];
        peer.read_exact(&mut read).await.map(|_| read)
    });
    flushed.unwrap();
    assert!(read.unwrap().iter().all(|byte| *byte == b'a'));
    assert_eq!(send(&connection, &Bytes::from_static(b"on")).await, Sent::Whole);
}

#[tokio::test]
async fn nothing_goes_past_an_owner_in_the_middle_of_a_frame() {
    let (mut connection, mut peer) = pair();
    let own = much(b'o');
    let mut written = connection.write(&own).await.unwrap();
    assert!(written < own.len(), "the socket has room for {}", own.len());
    assert_eq!(connection.wire().send(&Bytes::from_static(b"past")), Sent::Nothing);
    let (all, read) = tokio::join!(
        async {
            while written < own.len() {
                written += connection.write(&own[written..]).await?;
            }
            std::io::Result::Ok(())
        },
        async {
            let mut read = vec![0; own.len()];
            peer.read_exact(&mut read).await.map(|_| read)
        }
    );
    all.unwrap();
    assert_eq!(read.unwrap(), own);
    assert_eq!(send(&connection, &Bytes::from_static(b"past")).await, Sent::Whole);
}
