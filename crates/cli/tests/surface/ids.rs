//! The ways to name a session.

use anyhow::Result;

use crate::home::{self, cluster};

/// check 38
#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_named_by_id_prefix_short_id_title_or_at() -> Result<()> {
    let cluster = cluster().start().await?;
    let mut sessions = Vec::new();
    for title in ["the cart", "the till", "twice", "twice"] {
        let mut body = cluster.session_of("fake", "say hello");
        body.title = Some(title.to_owned());
        let created = cluster.client()?.create_session(&body, &convene_api::client::CommandKey::fresh()).await?;
        sessions.push(cluster.wait_idle(created.session.id).await?);
    }
    let shown = |name: &str| home::run(&cluster, &["show", name, "--json"]);
    let first = &sessions[0];
    let full = first.id.to_string();
    let digits = full.trim_start_matches("ses_");
    for name in [full.as_str(), digits, &full[..full.len() - 1], &digits[..31], &first.short_id, "the cart"] {
        let said = shown(name);
        assert_eq!(said.code, 0, "{name}: {}", said.stderr);
        assert_eq!(said.json()["id"].as_str(), Some(full.as_str()), "{name}");
    }
    let newest = home::run(&cluster, &["show", "@"]);
    assert!(newest.stdout.contains(&sessions[3].short_id), "{}", newest.stdout);
    assert!(newest.stderr.contains("@ is ") && newest.stderr.contains("\"twice\""), "{}", newest.stderr);
    // A UUIDv7 begins with the time, so a short prefix fits them all.
    for (name, code) in
        [(&digits[..4], "session_ambiguous"), ("twice", "session_ambiguous"), ("zz", "session_not_found")]
    {
        let said = shown(name);
        let problem = said.problem();
        assert_eq!(problem["code"], code, "{name}");
        if code == "session_ambiguous" {
            assert_eq!(said.code, 2);
            assert!(problem["list"].as_array().is_some_and(|list| list.len() >= 2), "{problem}");
        }
    }
    cluster.end().await
}
