//! What is in a file, written to whoever connects and asks with a line.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    path::Path,
};

use anyhow::Result;

use super::tell;

/// What is read at once.
const READ: usize = 256 << 10;

pub fn run(file: &Path) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    tell(&format!("port {}", listener.local_addr()?.port()));
    std::thread::scope(|scope| {
        scope.spawn(|| serve(&listener, file));
        // With its stdin ends the program, whoever is connected.
        let _end = std::io::stdin().read_line(&mut String::new());
        std::process::exit(0)
    })
}

fn serve(listener: &TcpListener, file: &Path) -> Result<()> {
    let mut buffer = vec![0; READ];
    loop {
        let (mut viewer, _) = listener.accept()?;
        viewer.set_nodelay(true)?;
        BufReader::new(viewer.try_clone()?).read_line(&mut String::new())?;
        let mut file = File::open(file)?;
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            viewer.write_all(&buffer[..read])?;
        }
    }
}
