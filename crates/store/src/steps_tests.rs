//! Who looks at the steps of a test.

use std::{cell::RefCell, io};

type Look = Box<dyn FnMut(&'static str) -> io::Result<()>>;

thread_local! {
    static LOOK: RefCell<Option<Look>> = const { RefCell::new(None) };
}

/// The instant before a step.
pub(crate) fn before(step: &'static str) -> io::Result<()> {
    // Taken out meanwhile: who looks may do something in steps itself.
    let Some(mut look) = LOOK.take() else { return Ok(()) };
    let looked = look(step);
    LOOK.set(Some(look));
    looked
}

/// Looks at each step of this thread while something is done.
pub(crate) fn looking<T>(look: impl FnMut(&'static str) -> io::Result<()> + 'static, act: impl FnOnce() -> T) -> T {
    LOOK.set(Some(Box::new(look)));
    let done = act();
    LOOK.set(None);
    done
}
