//! One story that every store passes: what is committed is there, whole and in order, also after the store was closed
//! and opened again; what was refused is not.
//!
//! Each chapter is told twice: with the store left open, and with the store opened anew after each commit.

#[path = "story/book.rs"]
mod book;
#[path = "story/events.rs"]
mod events;
#[path = "story/lists.rs"]
mod lists;
#[path = "story/refusals.rs"]
mod refusals;
#[path = "story/sessions.rs"]
mod sessions;
#[path = "story/small_rows.rs"]
mod small_rows;

use book::{Book, Place};
use convene_core::Timestamp;
use convene_store::SqliteStore;

/// Tells all chapters to a kind of store.
macro_rules! story {
    ($place:ty: $($file:ident::$chapter:ident,)+) => {
        $(
            #[test]
            fn $chapter() {
                for reopen in [false, true] {
                    $file::$chapter(&mut Book::<$place>::new(reopen));
                }
            }
        )+
    };
}

/// The chapters; a store is added by one more module with its place.
macro_rules! stories {
    ($($name:ident: $place:ty,)+) => {
        $(
            mod $name {
                use super::*;

                story! { $place:
                    events::a_new_store_is_empty,
                    events::events_come_back_as_they_were,
                    events::filters_pick_events,
                    events::large_data_is_not_noticed,
                    events::ten_thousand_events_are_paged_both_ways,
                    events::what_the_writer_goes_on_from_only_grows,
                    sessions::a_session_is_loaded_with_its_tail,
                    sessions::the_newest_snapshot_counts,
                    sessions::a_gap_damages_its_session_only,
                    sessions::a_purged_session_is_a_tombstone,
                    lists::sessions_are_listed_newest_first,
                    lists::sessions_are_found_by_their_columns,
                    lists::sessions_are_found_by_text,
                    lists::live_sessions_and_badges_are_counted,
                    lists::a_session_is_found_by_the_end_of_its_id,
                    lists::threads_are_listed_newest_first,
                    lists::changes_come_once_each_in_order,
                    small_rows::answers_are_remembered,
                    small_rows::tokens_come_and_go,
                    refusals::an_event_twice_refuses_the_whole_group,
                    refusals::any_clash_refuses_the_whole_group,
                    refusals::a_number_out_of_range_refuses_the_whole_group,
                }
            }
        )+
    };
}

stories! {
    sqlite: Sqlite,
}

/// A directory of its own.
struct Sqlite(tempfile::TempDir);

impl Place for Sqlite {
    type Store = SqliteStore;

    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn open(&self, epoch_seed: u64) -> SqliteStore {
        SqliteStore::open(self.0.path(), Timestamp::UNIX_EPOCH, epoch_seed).unwrap()
    }
}
