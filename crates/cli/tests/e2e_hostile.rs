//! What hostile pages, programs and inputs get: a refusal before any work. One test for each of the known attacks on
//! programs of this kind, by the name under which it became known, and one for each door.

#[path = "hostile/door.rs"]
mod door;

#[path = "hostile/bodies.rs"]
mod bodies;
#[path = "hostile/known.rs"]
mod known;
#[path = "hostile/origins.rs"]
mod origins;
#[path = "hostile/paths.rs"]
mod paths;
#[path = "hostile/rates.rs"]
mod rates;
#[path = "hostile/shapes.rs"]
mod shapes;
#[path = "hostile/tokens.rs"]
mod tokens;
