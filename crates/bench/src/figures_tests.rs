//! Shows how samples become figures.

use super::*;

fn report() -> Report {
    let mut report = Report::new("demo", 3, Scale::Quick);
    for (ours, floor) in [(2.0, 1.0), (6.0, 2.0), (8.0, 8.0)] {
        report.ours("latency", "ms", ours);
        report.floor("latency", "ms", floor);
    }
    report
}

#[test]
fn ratio_is_taken_round_by_round() {
    let report = report();
    assert_eq!(report.figures[0].ratio(), Some(Spread { median: 2.0, min: 1.0, max: 3.0 }));
    assert_eq!(Spread::of(&report.figures[0].ours), Some(Spread { median: 6.0, min: 2.0, max: 8.0 }));
    assert_eq!(Spread::of(&[1.0, 4.0]), Some(Spread { median: 2.5, min: 1.0, max: 4.0 }));
    assert_eq!(Spread::of(&[]), None);
}

#[test]
fn target_is_met_or_missed_by_the_median() {
    for (target, met) in [
        (Target::AtMost(6.0), true),
        (Target::AtMost(5.9), false),
        (Target::RatioAtMost(2.0), true),
        (Target::RatioAtMost(1.9), false),
        (Target::RatioAtLeast(2.0), true),
        (Target::RatioAtLeast(2.1), false),
    ] {
        let mut report = report();
        report.target("latency", target);
        assert_eq!(report.figures[0].met(), Some(met), "{target:?}");
        assert!(report.table().contains(if met { "met" } else { "MISSED" }));
    }
    let mut alone = Report::new("demo", 1, Scale::Whole);
    alone.ours("size", "MB", 1.0);
    alone.target("size", Target::RatioAtMost(1.0));
    assert_eq!(alone.figures[0].met(), None, "a ratio to nothing is none");
}

#[test]
fn percentile_is_a_sample() {
    let mut samples: Vec<f64> = (0..=100).rev().map(f64::from).collect();
    assert_eq!(percentile(&mut samples, 0.5), 50.0);
    assert_eq!(percentile(&mut samples, 0.99), 99.0);
    assert_eq!(percentile(&mut [], 0.5), 0.0);
}
