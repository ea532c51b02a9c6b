//! Tests of the session machine, through its doors: `create`, `handle`, `begin` and `apply`.

#[path = "tests/world.rs"]
mod world;

#[path = "tests/table.rs"]
mod table;

#[path = "tests/random.rs"]
mod random;

#[path = "tests/story.rs"]
mod story;

#[path = "tests/ends.rs"]
mod ends;

#[path = "tests/lifecycle.rs"]
mod lifecycle;

#[path = "tests/asks.rs"]
mod asks;

#[path = "tests/places.rs"]
mod places;

#[path = "tests/reports.rs"]
mod reports;

#[path = "tests/supervision.rs"]
mod supervision;

#[path = "tests/doubt.rs"]
mod doubt;
