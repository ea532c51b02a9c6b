//! A short crash fuzz: processes of every role die under load, and nothing that a client saw or was promised is lost.
//!
//! `cargo xtask fuzz` runs longer ones. `CONVENE_FUZZ_SEED` repeats a schedule, `CONVENE_FUZZ_KILLS` makes it longer.

use std::path::Path;

use anyhow::{Result, ensure};
use convene_testkit::fuzz::{Plan, run};

#[tokio::test]
async fn whoever_is_killed_nothing_is_lost_wedged_or_left_running() -> Result<()> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number("CONVENE_FUZZ_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    let kills = usize::try_from(number("CONVENE_FUZZ_KILLS").unwrap_or(20))?;
    let report = run(Plan { seed, kills, sessions: 6 }, Path::new(env!("CARGO_BIN_EXE_convene"))).await?;
    ensure!(report.is_clean(), "{report}");
    Ok(())
}
