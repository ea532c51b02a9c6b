//! A session taken out, in its three forms.

use anyhow::Result;
use serde_json::Value;

use crate::home::{self, cluster};

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_the_log_in_three_forms() -> Result<()> {
    let cluster = cluster().start().await?;
    let session = cluster.create("say hello").await?.session;
    let session = cluster.wait_idle(session.id).await?;
    let id = session.short_id.as_str();
    let log = cluster.log(session.id).await?;

    let lines = home::run(&cluster, &["export", id]);
    assert_eq!((lines.code, lines.stderr.as_str()), (0, ""));
    // The first line tells of the session.
    let (first, rest) = lines.stdout.split_once('\n').unwrap_or_default();
    assert_eq!(serde_json::from_str::<Value>(first)?["session"], session.id.to_string());
    let events: Vec<Value> = rest.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let tags: Vec<&str> = events.iter().filter_map(|event| event["type"].as_str()).collect();
    assert_eq!(tags, log.tags());
    let seqs: Vec<u64> = events.iter().filter_map(|event| event["seq"].as_u64()).collect();
    assert_eq!(seqs, (1..=u64::try_from(seqs.len())?).collect::<Vec<_>>());
    // As `logs --json` prints them, which are the stored ones.
    assert_eq!(rest, home::run(&cluster, &["logs", id, "--json"]).stdout);

    let file = cluster.home().work().join("out.json");
    let name = file.to_str().unwrap_or_default();
    let said = home::run(&cluster, &["export", id, "-O", name]);
    assert_eq!((said.code, said.stdout.as_str()), (0, ""));
    assert!(said.stderr.starts_with("wrote ") && said.stderr.contains(" events, "), "{}", said.stderr);
    let text = std::fs::read_to_string(&file)?;
    let whole: Value = serde_json::from_str(&text.replace(&cluster.home().root().display().to_string(), "HOME"))?;
    assert_eq!(whole["session"]["id"].as_str(), Some(session.id.to_string().as_str()));
    assert_eq!(whole["events"].as_array(), Some(&events));

    let read = home::run(&cluster, &["export", id, "--format", "md"]);
    assert!(read.stdout.starts_with("# ") && read.stdout.contains("## Turn 1"), "{}", read.stdout);
    assert!(
        read.stdout.contains("> say hello") && read.stdout.ends_with("*Turn 1 ended: end turn.*\n"),
        "{}",
        read.stdout
    );
    cluster.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_written_is_an_error_and_leaves_nothing() -> Result<()> {
    let cluster = cluster().start().await?;
    let session = cluster.create("say hello").await?.session;
    cluster.wait_idle(session.id).await?;
    let said = home::run(&cluster, &["export", &session.short_id, "-O", "no/such/dir/file"]);
    assert_eq!(said.code, 1);
    assert!(said.stderr.starts_with("error[storage_failed]: cannot write no/such/dir/file"), "{}", said.stderr);
    let here = cluster.home().work();
    let said = home::run(&cluster, &["export", &session.short_id, "-O", here.to_str().unwrap_or_default()]);
    assert!(said.code == 1 && said.stdout.is_empty(), "{said:?}");
    let none = home::run(&cluster, &["export", "nobody", "-O", "file"]);
    assert_eq!(none.code, 1);
    assert!(!here.join("file").exists());
    cluster.end().await
}
