//! Recorded answers and tokens.

use convene_core::ids::TokenId;
use convene_store::{Group, Reader as _, ReplyRow, TokenRow};

use crate::book::{Book, Place, at, id};

pub(crate) fn answers_are_remembered<P: Place>(book: &mut Book<P>) {
    let reply = |owner: &str, key: &str, ms: u64| ReplyRow {
        owner: owner.to_owned(),
        key: key.to_owned(),
        request: format!("hash of {key}"),
        reply: format!("{{\"to\":\"{owner} é\"}}"),
        at: at(ms),
    };
    let rows = [reply("local", "k", 0), reply("other", "k", 1), reply("local", "K", 2), reply("local", "", 3)];
    book.commit(&Group { replies: rows[..2].to_vec(), ..Group::default() });
    book.commit(&Group { replies: rows[2..].to_vec(), ..Group::default() });
    for row in &rows {
        assert_eq!(book.reader().reply(&row.owner, &row.key).unwrap().as_ref(), Some(row));
    }
    assert_eq!(book.reader().reply("local", "x").unwrap(), None);
    assert_eq!(book.reader().reply("", "k").unwrap(), None);

    // A day later it is still there; after weeks it is not.
    let day = 24 * 3600 * 1000;
    book.commit(&Group { replies: vec![reply("local", "later", day)], ..Group::default() });
    assert!(book.reader().reply("local", "k").unwrap().is_some());
    book.commit(&Group { replies: vec![reply("local", "late", 30 * day)], ..Group::default() });
    assert!(book.reader().reply("local", "k").unwrap().is_none());
    assert!(book.reader().reply("local", "late").unwrap().is_some());
    book.commit(&Group { replies: vec![reply("local", "k", 30 * day)], ..Group::default() });
}

pub(crate) fn tokens_come_and_go<P: Place>(book: &mut Book<P>) {
    let token = |number: u64| TokenRow {
        id: id("tok_", number),
        hash: format!("{number:064x}"),
        name: format!("token ü {number}"),
        scope: "owner".to_owned(),
        owner: "local".to_owned(),
        created_at: at(number),
        expires_at: (number == 2).then(|| at(99)),
        generation: 0,
        previous_until: None,
        last_used_at: None,
    };
    book.commit(&Group { tokens: vec![token(2), token(1)], ..Group::default() });
    assert_eq!(book.reader().tokens().unwrap(), vec![token(1), token(2)]);
    assert_eq!(book.reader().token(id("tok_", 2)).unwrap(), Some(token(2)));
    assert_eq!(book.reader().token_by_hash(&token(1).hash).unwrap(), Some(token(1)));
    assert_eq!(book.reader().token_by_hash("").unwrap(), None);

    // A change of one replaces it as a whole, and leaves the others alone.
    let rotated = TokenRow {
        hash: format!("{:064x}", 77),
        generation: 1,
        previous_until: Some(at(50)),
        last_used_at: Some(at(40)),
        ..token(2)
    };
    book.commit(&Group { tokens: vec![rotated.clone()], ..Group::default() });
    assert_eq!(book.reader().tokens().unwrap(), vec![token(1), rotated.clone()]);
    assert_eq!(book.reader().token_by_hash(&token(2).hash).unwrap(), None);
    assert_eq!(book.reader().token_by_hash(&rotated.hash).unwrap(), Some(rotated.clone()));
    book.commit(&Group { tokens: vec![token(2)], ..Group::default() });

    let revoked: Vec<TokenId> = vec![id("tok_", 1), id("tok_", 9)];
    book.commit(&Group { tokens: vec![token(3)], revoked, ..Group::default() });
    assert_eq!(book.reader().tokens().unwrap(), vec![token(2), token(3)]);
    assert_eq!(book.reader().token(id("tok_", 1)).unwrap(), None);
    assert_eq!(book.reader().token_by_hash(&token(1).hash).unwrap(), None);
}
