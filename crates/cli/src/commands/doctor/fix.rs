//! `--fix`: what can be mended without harm, on this machine only.

use convene_api::doctor::{DoctorReport, Finding};

use super::server;
use crate::app::App;

/// Mends what may be mended; what was done, or why not, for each.
pub async fn all(app: &App, report: &DoctorReport) -> Vec<Result<String, String>> {
    let wanted: Vec<Finding> = report.items.iter().filter(|finding| finding.code.is_fixable()).cloned().collect();
    if !server::is_local(app) && !wanted.is_empty() {
        return vec![Err("what was found is on the server's machine: run this there".to_owned())];
    }
    let data_dir = app.data_dir.clone();
    let work = tokio::task::spawn_blocking(move || {
        let mend = |finding: &Finding| {
            convene_server::doctor::fix(&data_dir, finding).or_else(|| convene_host::doctor::fix(&data_dir, finding))
        };
        wanted.iter().filter_map(mend).collect()
    });
    work.await.unwrap_or_default()
}
