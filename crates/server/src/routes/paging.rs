//! Pages of lists. A cursor is `EPOCH.LIST.PLACE`: it is worth nothing in another log, or in another list.

use convene_api::{body::Page, problem::Problem};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    app::App,
    refusal::{cursor_too_old, invalid},
};

/// How many items a page has if nobody says.
const DEFAULT: usize = 100;

/// The most items of a page.
const MAX: usize = 500;

/// Which page of a list is wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// At most so many; 100 by default.
    #[param(minimum = 1, maximum = 500, default = 100)]
    pub limit: Option<usize>,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// How the items of a list that is held whole are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// By their keys: a page goes on also after an item that is gone.
    Sorted,
    /// As they come.
    Given,
}

/// A page of a list that is held whole. The items come with their keys, which are unique; what comes or goes in other
/// places changes no page.
///
/// # Errors
/// If the limit or the cursor is none, or the item of the cursor is gone from a list that is not sorted.
pub fn page<T>(
    app: &App,
    list: &str,
    order: Order,
    paging: &Paging,
    items: Vec<(String, T)>,
) -> Result<Page<T>, Problem> {
    let limit = limit(paging.limit, DEFAULT, MAX)?;
    let after = paging.cursor.as_deref().map(|cursor| place(app, list, cursor)).transpose()?;
    let skip = match (&after, order) {
        (None, _) => 0,
        (Some(after), Order::Sorted) => items.partition_point(|(key, _)| key <= after),
        (Some(after), Order::Given) => match items.iter().position(|(key, _)| key == after) {
            Some(at) => at + 1,
            None => return Err(cursor_too_old("the item that this cursor stands at is gone")),
        },
    };
    let more = items.len() > skip + limit;
    let mut last = None;
    let mut page = Vec::with_capacity(limit.min(items.len()));
    for (key, item) in items.into_iter().skip(skip).take(limit) {
        last = Some(key);
        page.push(item);
    }
    let next_cursor = last.filter(|_| more).map(|key| cursor(app, list, &key));
    let shared = app.engine.shared();
    Ok(Page { items: page, next_cursor, pos: *shared.feed.follow_all().borrow(), epoch: shared.epoch })
}

/// A page's size within its limit.
///
/// # Errors
/// `invalid_request` if it is not.
pub fn limit(wanted: Option<usize>, default: usize, max: usize) -> Result<usize, Problem> {
    match wanted {
        None => Ok(default),
        Some(limit) if (1..=max).contains(&limit) => Ok(limit),
        Some(limit) => Err(invalid("limit", format!("{limit} is not between 1 and {max}"))),
    }
}

/// Where a list goes on.
pub fn cursor(app: &App, list: &str, place: &str) -> String {
    format!("{}.{list}.{place}", app.engine.shared().epoch)
}

/// Where a page of a list begins that goes by numbers.
///
/// # Errors
/// `invalid_request` if it is no cursor of this list, `cursor_too_old` if it is of another log.
pub fn before(app: &App, list: &str, cursor: Option<&str>) -> Result<Option<u64>, Problem> {
    let Some(cursor) = cursor else { return Ok(None) };
    place(app, list, cursor)?.parse().map(Some).map_err(|_| foreign())
}

fn place(app: &App, list: &str, cursor: &str) -> Result<String, Problem> {
    let (epoch, rest) = cursor.split_once('.').ok_or_else(foreign)?;
    let epoch: u64 = epoch.parse().map_err(|_| foreign())?;
    if epoch != app.engine.shared().epoch {
        return Err(cursor_too_old("the cursor is of another log"));
    }
    let (of, place) = rest.split_once('.').ok_or_else(foreign)?;
    if of == list { Ok(place.to_owned()) } else { Err(foreign()) }
}

fn foreign() -> Problem {
    invalid("cursor", "it is not a next_cursor of this list")
}
