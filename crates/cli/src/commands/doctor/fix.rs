//! `--fix`: what can be mended without harm, on this machine only.

use convene_api::doctor::{DoctorReport, Finding, FindingCode};

use super::server;
use crate::app::App;

/// Mends what may be mended; what was done, or why not, for each.
pub async fn all(app: &App, report: &DoctorReport) -> Vec<Result<String, String>> {
    let mut wanted: Vec<Finding> = report.items.iter().filter(|finding| finding.code.is_fixable()).cloned().collect();
    if !server::is_local(app) && !wanted.is_empty() {
        return vec![Err("what was found is on the server's machine: run this there".to_owned())];
    }
    // One new database mends all that is wrong with it.
    let of_database =
        |finding: &Finding| matches!(finding.code, FindingCode::DatabaseDamaged | FindingCode::SessionQuarantined);
    let mut renewed = false;
    wanted.retain(|finding| !of_database(finding) || !std::mem::replace(&mut renewed, true));
    let data_dir = app.data_dir.clone();
    let work = tokio::task::spawn_blocking(move || {
        let mend = |finding: &Finding| {
            convene_server::doctor::fix(&data_dir, finding).or_else(|| convene_host::doctor::fix(&data_dir, finding))
        };
        wanted.iter().filter_map(mend).collect()
    });
    work.await.unwrap_or_default()
}
