//! Lists page by page.

use std::marker::PhantomData;

use convene_core::view::{SessionView, ThreadView};
use serde::de::DeserializeOwned;

use super::{
    Client, ClientError, SessionsQuery,
    query::{Query, escape},
};
use crate::body::{Items, Page};

/// How many items are asked for at a time where all are wanted: as many as a page may have.
const WHOLE: u32 = 500;

/// The pages of a list, one request each. What comes or goes between two of them moves none.
pub struct Pages<T> {
    client: Client,
    path: String,
    /// Where the next page begins; `None` once there is none.
    next: Option<String>,
    item: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Pages<T> {
    fn new(client: &Client, path: String) -> Self {
        Self { client: client.clone(), path, next: Some(String::new()), item: PhantomData }
    }

    /// The next page; `None` after the last one.
    ///
    /// # Errors
    /// As any request. A page that failed is asked for again by the next call.
    pub async fn next(&mut self) -> Result<Option<Page<T>>, ClientError> {
        let Some(cursor) = &self.next else { return Ok(None) };
        let path = match cursor.as_str() {
            "" => self.path.clone(),
            cursor => {
                let join = if self.path.contains('?') { '&' } else { '?' };
                format!("{}{join}cursor={}", self.path, escape(cursor))
            }
        };
        let page: Page<T> = self.client.get(path).await?;
        self.next.clone_from(&page.next_cursor);
        Ok(Some(page))
    }

    /// The items of all pages that are left.
    ///
    /// # Errors
    /// As any request.
    pub async fn items(mut self) -> Result<Vec<T>, ClientError> {
        let mut items = Vec::new();
        while let Some(page) = self.next().await? {
            items.extend(page.items);
        }
        Ok(items)
    }
}

impl Client {
    /// `GET /v1/sessions`, page by page, from the query's cursor on.
    pub fn session_pages(&self, query: &SessionsQuery) -> Pages<SessionView> {
        let mut pages = Pages::new(self, SessionsQuery { cursor: None, ..query.clone() }.to_path());
        pages.next = Some(query.cursor.clone().unwrap_or_default());
        pages
    }

    /// `GET /v1/threads`, page by page.
    pub fn thread_pages(&self) -> Pages<ThreadView> {
        Pages::new(self, "/v1/threads".to_owned())
    }

    /// All items of a list, however many pages it has.
    pub(super) async fn all<T: DeserializeOwned>(&self, path: &str) -> Result<Items<T>, ClientError> {
        let mut query = Query::new(path);
        query.add("limit", Some(&WHOLE.to_string()));
        Ok(Items { items: Pages::new(self, query.path).items().await? })
    }
}
