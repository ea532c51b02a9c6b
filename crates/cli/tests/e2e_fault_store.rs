//! The N-th call by which the server or a runner changes its files fails, or is the last one of its process: everything
//! comes to a true end all the same, and nothing that was acknowledged is lost.
//!
//! Random calls, as many as there is time for; `CONVENE_FAULTS_SEED` tries the same ones again, and
//! `cargo xtask fuzz --faults --all` every one. See `docs/testing.md`.

use std::{path::Path, time::Duration};

use anyhow::{Result, ensure};
use convene_testkit::fuzz::calls::{Wanted, run};

/// For how long calls are tried.
const WITHIN: Duration = Duration::from_secs(75);

#[tokio::test]
async fn whatever_call_fails_nothing_is_lost_and_everything_goes_on() -> Result<()> {
    let seed = std::env::var("CONVENE_FAULTS_SEED").ok().and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or_else(|| u64::from(std::process::id()));
    println!("seed {seed}");
    let wanted = Wanted::sample(seed, WITHIN);
    let tried = run(&wanted, Path::new(env!("CARGO_BIN_EXE_convene")), |line| println!("{line}")).await?;
    ensure!(tried.wrong.is_empty(), "{} of {} went wrong:\n{}", tried.wrong.len(), tried.hit, tried.wrong.join("\n"));
    ensure!(tried.hit > 0, "no call failed at all");
    Ok(())
}
