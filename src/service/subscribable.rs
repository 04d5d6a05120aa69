//! `Subscribable`: a source of events within a service, with subscribers that count and silent ones
//! that do not. It works within one thread; to reach sockets, use topics.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

/// An event of a [`Subscribable`]. The source defines what the ids mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<D> {
    /// Which event it is.
    pub id: u32,
    /// What comes with it.
    pub data: D,
}

/// A source of events within one thread, for the parts of a service. Between sockets, use topics.
/// Clones are the same source, so a callback can hold one, and subscribe or unsubscribe while an
/// event is being sent. There is no limit of subscribers.
///
/// ```
/// use std::{cell::RefCell, rc::Rc};
/// use switchboard::service::{Event, Subscribable};
///
/// let heard = Rc::new(RefCell::new(Vec::new()));
/// let source = Subscribable::new();
/// let notes = heard.clone();
/// let id = source.subscribe("Ida", move |name, event: &Event<u8>| {
///     notes.borrow_mut().push((*name, event.data));
/// });
/// source.send_event(&Event { id: 0, data: 7 });
/// assert_eq!(*heard.borrow(), [("Ida", 7)]);
/// assert_eq!(source.unsubscribe(id).as_deref(), Some(&"Ida"));
/// ```
pub struct Subscribable<O, D>(Rc<Source<O, D>>);

struct Source<O, D> {
    next_id: Cell<u64>,
    subscribers: RefCell<List<O, D>>,
    silent: RefCell<List<O, D>>,
}

/// Ordered by id, which is the order of subscribing.
type List<O, D> = BTreeMap<u64, Subscription<O, D>>;

struct Subscription<O, D> {
    object: Rc<O>,
    callback: Rc<Callback<O, D>>,
}

type Callback<O, D> = dyn Fn(&O, &Event<D>);

impl<O, D> Subscribable<O, D> {
    /// A source without subscribers.
    #[must_use]
    pub fn new() -> Self {
        Self(Rc::new(Source {
            next_id: Cell::new(0),
            subscribers: RefCell::default(),
            silent: RefCell::default(),
        }))
    }

    /// Adds a subscriber: `callback` is called with `object` and each event. Returns the id of the
    /// subscription; ids count from 0, and none is used twice.
    pub fn subscribe(&self, object: O, callback: impl Fn(&O, &Event<D>) + 'static) -> u64 {
        self.add(&self.0.subscribers, object, callback)
    }

    /// Like [`Subscribable::subscribe`], but [`Subscribable::subscribers_len`] does not count it.
    pub fn subscribe_silent(&self, object: O, callback: impl Fn(&O, &Event<D>) + 'static) -> u64 {
        self.add(&self.0.silent, object, callback)
    }

    /// Removes a subscription of either kind. Returns its object, or `None` if there is no such
    /// subscription.
    #[expect(clippy::must_use_candidate, reason = "removing is the point")]
    pub fn unsubscribe(&self, id: u64) -> Option<Rc<O>> {
        let removed = self.0.subscribers.borrow_mut().remove(&id);
        let removed = removed.or_else(|| self.0.silent.borrow_mut().remove(&id));
        removed.map(|subscription| subscription.object)
    }

    /// How many have subscribed, silent ones not counted.
    #[must_use]
    pub fn subscribers_len(&self) -> usize {
        self.0.subscribers.borrow().len()
    }

    /// Calls all callbacks: first those of subscribers, then the silent ones, each in the order of
    /// subscribing. A callback that is added meanwhile is not called, nor is one that is removed
    /// before its turn.
    ///
    /// # Panics
    /// If a callback panics. The others are called before the panic goes on.
    pub fn send_event(&self, event: &Event<D>) {
        let mut panic: Option<Box<dyn Any + Send>> = None;
        let lists = [&self.0.subscribers, &self.0.silent];
        let settled = lists.map(|list| list.borrow().keys().copied().collect::<Vec<_>>());
        for (list, ids) in lists.into_iter().zip(settled) {
            for id in ids {
                let found = list.borrow().get(&id).map(|s| (s.object.clone(), s.callback.clone()));
                let Some((object, callback)) = found else { continue };
                let call = AssertUnwindSafe(|| callback(&object, event));
                if let Err(caught) = catch_unwind(call) {
                    panic.get_or_insert(caught);
                }
            }
        }
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
    }

    fn add(
        &self,
        list: &RefCell<List<O, D>>,
        object: O,
        callback: impl Fn(&O, &Event<D>) + 'static,
    ) -> u64 {
        let id = self.0.next_id.get();
        self.0.next_id.set(id + 1);
        let subscription = Subscription { object: Rc::new(object), callback: Rc::new(callback) };
        list.borrow_mut().insert(id, subscription);
        id
    }
}

impl<O, D> Default for Subscribable<O, D> {
    fn default() -> Self {
        Self::new()
    }
}

impl<O, D> Clone for Subscribable<O, D> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<O, D> fmt::Debug for Subscribable<O, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscribable").finish_non_exhaustive()
    }
}
