//! What was measured: samples of rounds, their medians and extremes, ratios to the floor, as a table and as JSON.

use serde::Serialize;

use crate::Scale;

/// What a figure should be.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// Our own figure, at most.
    AtMost(f64),
    /// The ratio of ours to the floor's, at most.
    RatioAtMost(f64),
    /// The ratio of ours to the floor's, at least.
    RatioAtLeast(f64),
}

/// Median, smallest and largest of some samples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// The median.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// Of these samples; nothing without any.
    pub fn of(samples: &[f64]) -> Option<Self> {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median = if sorted.len().is_multiple_of(2) {
            f64::midpoint(sorted[middle - 1], sorted[middle])
        } else {
            sorted[middle]
        };
        Some(Self { median, min, max })
    }
}

/// One figure over all rounds.
#[derive(Debug, Clone)]
pub struct Figure {
    name: String,
    unit: &'static str,
    target: Option<Target>,
    ours: Vec<f64>,
    floor: Vec<f64>,
}

/// A figure as JSON.
#[derive(Debug, Serialize)]
struct Told<'a> {
    name: &'a str,
    unit: &'static str,
    ours: Option<Spread>,
    floor: Option<Spread>,
    ratio: Option<Spread>,
    target: Option<Target>,
    met: Option<bool>,
}

impl Figure {
    /// The ratio of ours to the floor's, round by round: the two were measured in the same minute.
    fn ratio(&self) -> Option<Spread> {
        let ratios: Vec<f64> =
            self.ours.iter().zip(&self.floor).filter(|(_, floor)| **floor > 0.0).map(|(o, f)| o / f).collect();
        Spread::of(&ratios)
    }

    /// Whether the median is as it should be.
    fn met(&self) -> Option<bool> {
        let ours = Spread::of(&self.ours).map(|s| s.median);
        let ratio = self.ratio().map(|s| s.median);
        match self.target? {
            Target::AtMost(most) => ours.map(|value| value <= most),
            Target::RatioAtMost(most) => ratio.map(|value| value <= most),
            Target::RatioAtLeast(least) => ratio.map(|value| value >= least),
        }
    }

    fn told(&self) -> Told<'_> {
        Told {
            name: &self.name,
            unit: self.unit,
            ours: Spread::of(&self.ours),
            floor: Spread::of(&self.floor),
            ratio: self.ratio(),
            target: self.target,
            met: self.met(),
        }
    }
}

/// The figures of a benchmark.
#[derive(Debug)]
pub struct Report {
    name: &'static str,
    rounds: usize,
    scale: Scale,
    figures: Vec<Figure>,
}

/// A report as JSON.
#[derive(Debug, Serialize)]
struct Whole<'a> {
    benchmark: &'static str,
    rounds: usize,
    scale: Scale,
    figures: Vec<Told<'a>>,
}

impl Report {
    /// An empty one.
    pub const fn new(name: &'static str, rounds: usize, scale: Scale) -> Self {
        Self { name, rounds, scale, figures: Vec::new() }
    }

    /// Adds a sample of the product.
    pub fn ours(&mut self, name: &str, unit: &'static str, value: f64) {
        self.figure(name, unit).ours.push(value);
    }

    /// Adds a sample of the floor.
    pub fn floor(&mut self, name: &str, unit: &'static str, value: f64) {
        self.figure(name, unit).floor.push(value);
    }

    /// Says what a figure should be.
    pub fn target(&mut self, name: &str, target: Target) {
        if let Some(figure) = self.figures.iter_mut().find(|f| f.name == name) {
            figure.target = Some(target);
        }
    }

    fn figure(&mut self, name: &str, unit: &'static str) -> &mut Figure {
        let place = match self.figures.iter().position(|f| f.name == name) {
            Some(place) => place,
            None => {
                let (ours, floor) = (Vec::new(), Vec::new());
                self.figures.push(Figure { name: name.to_owned(), unit, target: None, ours, floor });
                self.figures.len() - 1
            }
        };
        &mut self.figures[place]
    }

    /// As JSON.
    pub fn json(&self) -> serde_json::Value {
        let figures = self.figures.iter().map(Figure::told).collect();
        serde_json::to_value(Whole { benchmark: self.name, rounds: self.rounds, scale: self.scale, figures })
            .unwrap_or_default()
    }

    /// As a table: median (min–max) of ours, of the floor, of the ratio, and the target.
    pub fn table(&self) -> String {
        let head = ["figure", "unit", "ours", "floor", "ratio", "target", ""].map(str::to_owned);
        let mut rows = vec![head];
        for figure in self.figures.iter().map(Figure::told) {
            rows.push([
                figure.name.to_owned(),
                figure.unit.to_owned(),
                spread(figure.ours),
                spread(figure.floor),
                spread(figure.ratio),
                figure.target.map_or_else(String::new, wanted),
                figure.met.map_or("", |met| if met { "met" } else { "MISSED" }).to_owned(),
            ]);
        }
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; 7] = std::array::from_fn(width);
        let mut text = format!("{}, {} rounds, median (min–max)\n", self.name, self.rounds);
        for row in &rows {
            let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            text.push_str(cells.join("  ").trim_end());
            text.push('\n');
        }
        text
    }
}

fn spread(spread: Option<Spread>) -> String {
    match spread {
        Some(Spread { median, min, max }) if min < max => {
            format!("{} ({}–{})", short(median), short(min), short(max))
        }
        Some(Spread { median, .. }) => short(median),
        None => String::new(),
    }
}

fn wanted(target: Target) -> String {
    match target {
        Target::AtMost(most) => format!("≤ {}", short(most)),
        Target::RatioAtMost(most) => format!("≤ {} × floor", short(most)),
        Target::RatioAtLeast(least) => format!("≥ {} × floor", short(least)),
    }
}

/// Three digits that count.
fn short(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 || size >= 100.0 {
        format!("{value:.0}")
    } else if size >= 10.0 {
        format!("{value:.1}")
    } else if size >= 1.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.3}")
    }
}

/// The sample below which this share of them lies; samples are sorted by it.
pub fn percentile(samples: &mut [f64], share: f64) -> f64 {
    samples.sort_by(f64::total_cmp);
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place")]
    let place = ((samples.len().saturating_sub(1)) as f64 * share).round() as usize;
    samples.get(place).copied().unwrap_or(0.0)
}

#[cfg(test)]
#[path = "figures_tests.rs"]
mod tests;
