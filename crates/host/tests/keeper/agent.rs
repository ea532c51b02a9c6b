//! An agent whose children leave by every door: `setsid`, a double fork, an emptied environment, deafness to signals, and
//! one that forks and ends all the time. Each writes itself down in the diary first.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use convene_host::process::Identity;

/// How many processes of a whole tree write into the diary (the hopper's generations apart).
pub const TREE: usize = 7;

pub fn main(diary: &str) -> ExitCode {
    note("agent", diary);
    spawn("plain", diary, &[]);
    spawn("group", diary, &[Way::OwnGroup]);
    spawn("session", diary, &[]);
    spawn("bare", diary, &[Way::Bare]);
    spawn("deaf", diary, &[Way::Deaf]);
    // Ends at once, so that its child is an orphan.
    spawn("forker", diary, &[Way::Bare, Way::Deaf]);
    spawn(&format!("{HOPPER}0"), diary, &[Way::Bare]);
    forever()
}

pub fn child(kind: &str, diary: &str) -> ExitCode {
    if matches!(kind, "session" | "daemon") {
        rustix::process::setsid().expect("not a leader yet");
    }
    match kind {
        "forker" => {
            spawn("daemon", diary, &[Way::Bare, Way::Deaf]);
            ExitCode::SUCCESS
        }
        _ => match kind.strip_prefix(HOPPER) {
            Some(generation) => hop(generation.parse().expect("a number"), diary),
            None => {
                note(kind, diary);
                forever()
            }
        },
    }
}

const HOPPER: &str = "hopper-";
/// Even if a test is killed half way, this ends by itself.
const GENERATIONS: u32 = 30_000;

/// Lives only to have a successor, in a session of its own; as long as the test is there to be annoyed.
fn hop(generation: u32, diary: &str) -> ExitCode {
    rustix::process::setsid().expect("not a leader yet");
    if generation < GENERATIONS && Path::new(diary).exists() {
        spawn(&format!("{HOPPER}{}", generation + 1), diary, &[Way::Bare]);
    }
    ExitCode::SUCCESS
}

enum Way {
    OwnGroup,
    Bare,
    Deaf,
}

fn spawn(kind: &str, diary: &str, ways: &[Way]) {
    let exe = std::env::current_exe().expect("own path");
    let bare = ways.iter().any(|way| matches!(way, Way::Bare));
    let deaf = ways.iter().any(|way| matches!(way, Way::Deaf));
    let mut command = if deaf {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", "trap '' TERM HUP INT QUIT USR1 USR2; exec \"$0\" \"$@\""]).arg(&exe);
        shell
    } else {
        Command::new(&exe)
    };
    command.arg("agent").arg(kind).arg(diary).current_dir("/").stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    if bare {
        command.env_clear();
    }
    if ways.iter().any(|way| matches!(way, Way::OwnGroup)) {
        command.process_group(0);
    }
    #[expect(clippy::zombie_processes, reason = "that nobody waits for them is the point")]
    command.spawn().expect("spawn a child");
}

fn note(kind: &str, diary: &str) {
    let identity = Identity::current().expect("own identity");
    let line = format!("{kind} {}\n", serde_json::to_string(&identity).expect("plain data"));
    let mut file = OpenOptions::new().append(true).create(true).open(diary).expect("open the diary");
    file.write_all(line.as_bytes()).expect("write the diary");
}

fn forever() -> ! {
    loop {
        std::thread::park();
    }
}
