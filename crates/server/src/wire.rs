//! A connection whose socket may be written past its owner: frames that are the same for many go out without waking
//! the task of each.
//!
//! What goes past is always whole frames, and only while the owner is not in the middle of one. What the socket does
//! not take of them is kept, and goes out before anything else.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, Bytes};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream, tcp, unix},
};

/// A stream that can be read and written apart.
pub trait Halves {
    /// Takes it apart.
    fn halves(self) -> (ReadHalf, WriteHalf);
}

impl Halves for TcpStream {
    fn halves(self) -> (ReadHalf, WriteHalf) {
        let (read, write) = self.into_split();
        (ReadHalf::Tcp(read), WriteHalf::Tcp(write))
    }
}

impl Halves for UnixStream {
    fn halves(self) -> (ReadHalf, WriteHalf) {
        let (read, write) = self.into_split();
        (ReadHalf::Unix(read), WriteHalf::Unix(write))
    }
}

/// What is read from.
#[derive(Debug)]
pub enum ReadHalf {
    Tcp(tcp::OwnedReadHalf),
    Unix(unix::OwnedReadHalf),
}

/// What is written to.
#[derive(Debug)]
pub enum WriteHalf {
    Tcp(tcp::OwnedWriteHalf),
    Unix(unix::OwnedWriteHalf),
}

impl WriteHalf {
    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(half) => Pin::new(half).poll_write(cx, bytes),
            Self::Unix(half) => Pin::new(half).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(&mut self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(half) => Pin::new(half).poll_write_vectored(cx, slices),
            Self::Unix(half) => Pin::new(half).poll_write_vectored(cx, slices),
        }
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(half) => Pin::new(half).poll_shutdown(cx),
            Self::Unix(half) => Pin::new(half).poll_shutdown(cx),
        }
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(half) => half.try_write(bytes),
            Self::Unix(half) => half.try_write(bytes),
        }
    }
}

/// A connection as its owner has it.
#[derive(Debug)]
pub struct Connection {
    read: ReadHalf,
    wire: Wire,
}

/// The way past a connection's owner. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Wire(Arc<Mutex<Out>>);

#[derive(Debug)]
struct Out {
    half: WriteHalf,
    /// What is left of frames that went past the owner.
    rest: Bytes,
    /// The owner has begun something that the socket did not take whole.
    begun: bool,
}

/// What became of frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// The socket has them.
    Whole,
    /// The socket took a part; the rest goes out with the owner's next flush.
    Part,
    /// The socket took nothing.
    Nothing,
}

impl Connection {
    /// A connection over a stream.
    pub fn new(stream: impl Halves) -> Self {
        let (read, half) = stream.halves();
        Self { read, wire: Wire(Arc::new(Mutex::new(Out { half, rest: Bytes::new(), begun: false }))) }
    }

    /// The way past its owner.
    pub fn wire(&self) -> Wire {
        self.wire.clone()
    }
}

impl Wire {
    /// Writes frames as far as the socket takes them now.
    pub fn send(&self, frames: &Bytes) -> Sent {
        let mut out = self.lock();
        if out.begun || !out.rest.is_empty() {
            return Sent::Nothing;
        }
        match out.half.try_write(frames) {
            Ok(written) if written >= frames.len() => Sent::Whole,
            Ok(written) => {
                out.rest = frames.slice(written..);
                Sent::Part
            }
            // Whatever is wrong, the owner meets it, too.
            Err(_) => Sent::Nothing,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Out> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Out {
    /// Writes what is left of frames.
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.rest.is_empty() {
            match ready!(self.half.poll_write(cx, &self.rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.rest.advance(written),
            }
        }
        // Lets go of the memory that it was a part of.
        self.rest = Bytes::new();
        Poll::Ready(Ok(()))
    }

    /// Writes something of the owner's that has so many bytes.
    fn poll_own(
        &mut self,
        cx: &mut Context<'_>,
        length: usize,
        write: impl FnOnce(&mut WriteHalf, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let written = match self.poll_rest(cx) {
            Poll::Ready(Ok(())) => write(&mut self.half, cx),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        };
        self.begun = match &written {
            Poll::Ready(Ok(written)) => *written < length,
            Poll::Ready(Err(_)) | Poll::Pending => length > 0,
        };
        written
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut self.read {
            ReadHalf::Tcp(half) => Pin::new(half).poll_read(cx, buf),
            ReadHalf::Unix(half) => Pin::new(half).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.wire.lock().poll_own(cx, bytes.len(), |half, cx| half.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length = slices.iter().map(|slice| slice.len()).sum();
        self.wire.lock().poll_own(cx, length, |half, cx| half.poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.wire.lock().poll_rest(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut out = self.wire.lock();
        ready!(out.poll_rest(cx))?;
        out.half.poll_shutdown(cx)
    }
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
