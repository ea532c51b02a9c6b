//! The page of the built binary: the dashboard with everything that it names, or a few words where it was left out.

use anyhow::{Context as _, Result, ensure};
use convene_testkit::cluster::Cluster;

#[tokio::test]
async fn the_binary_has_its_page_and_needs_nothing_else() -> Result<()> {
    let cluster = Cluster::of(env!("CARGO_BIN_EXE_convene")).start().await?;
    let get = async |path: &str| cluster.http("GET", path, &[("accept", "text/html, */*")], b"").await;
    let shell = get("/").await?;
    ensure!(shell.status == 200, "{shell:?}");
    let policy = shell.head.lines().find(|line| line.to_ascii_lowercase().starts_with("content-security-policy:"));
    let nonce = policy.and_then(|policy| policy.split("'nonce-").nth(1)?.split('\'').next()).context("no nonce")?;
    ensure!(shell.body.contains(nonce) && !shell.body.contains("__NONCE__"), "{}", shell.body);
    let place = get("/s/ses_0193").await?;
    ensure!(place.status == 200 && !place.body.contains(nonce), "a place is the shell with another nonce: {place:?}");
    if !cfg!(feature = "dashboard") {
        ensure!(shell.body.contains("without the dashboard"), "{}", shell.body);
        return cluster.end().await;
    }
    let named: Vec<&str> = ["src=\"/", "href=\"/"]
        .iter()
        .flat_map(|mark| shell.body.split(mark).skip(1).filter_map(|rest| rest.split('"').next()))
        .collect();
    ensure!(named.iter().any(|path| path.starts_with("assets/")), "{}", shell.body);
    for path in named.iter().filter(|path| !path.ends_with(".png")) {
        let file = get(&format!("/{path}")).await?;
        ensure!(file.status == 200 && !file.body.is_empty(), "{path}: {}", file.head);
        let cached = if path.starts_with("assets/") { "immutable" } else { "no-cache" };
        ensure!(file.head.contains(cached), "{path}: {}", file.head);
    }
    let old = get("/assets/index-of-yesterday.js").await?;
    ensure!(old.status == 401, "what is not there is no shell: {old:?}");
    cluster.end().await
}
