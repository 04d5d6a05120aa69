//! Pages that a closure makes on the loop. A panic in it ends nothing, its time is measured, and
//! what it makes is bounded.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::host::budget::{CallbackBudget, SeldomWarning, with_untold};
use crate::host::panic::catch_panic;
use crate::hub::Subject;
use crate::limits::Limits;
use crate::service::{MadePage, MakePage, Page, PageCall, PageMaker, Request};
use crate::ws::{Response, Status};

/// With the feature `pages`.
impl Page {
    /// A page that `make` makes for each plain GET or HEAD of the path, with any status and any
    /// headers. [`Request`] has what the client has sent: cookies, values of the query, and
    /// credentials.
    ///
    /// It is called on the thread that polls all sockets, while everybody waits. So it must not
    /// block: no files, no queries, no lock that others hold for long. What takes longer is
    /// computed elsewhere, such as by a service, and left where the closure finds it. The log warns
    /// if it exceeds [`Limits::callback_ms_max`], and the metrics count that as a slow callback.
    ///
    /// Its answer has at most [`Limits::PAGE_BYTES_MAX`] and [`Limits::outbox_bytes_max`] bytes,
    /// headers included. A longer one, and a panic, are a 500 with a line in the log. A HEAD gets
    /// the same headers without the content. Conditional requests are for the closure to answer:
    /// a 304 without content is one of its answers.
    ///
    /// Text of others that it shows as HTML has to be escaped: `&`, `<`, `>` and quotation marks.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicUsize, Ordering};
    ///
    /// use switchboard::{
    ///     Close, Context, Handler, Limits, Page, Peer, Request, Response, Server, SocketId,
    ///     Status, handler,
    /// };
    ///
    /// /// Counts its sockets where the page finds the number.
    /// struct Counted(Arc<AtomicUsize>);
    ///
    /// impl Handler for Counted {
    ///     fn open(&mut self, _: &mut Peer, _: &Request) {
    ///         self.0.fetch_add(1, Ordering::Relaxed);
    ///     }
    ///
    ///     fn close(&mut self, _: &mut Context, _: SocketId, _: &Close) {
    ///         self.0.fetch_sub(1, Ordering::Relaxed);
    ///     }
    /// }
    ///
    /// let count = Arc::new(AtomicUsize::new(0));
    /// let shown = count.clone();
    /// let page = Page::of(move |_| {
    ///     let json = format!("{{\"here\":{}}}", shown.load(Ordering::Relaxed));
    ///     Response::new(Status::OK, "application/json", json.into_bytes())
    /// });
    /// let mut server = Server::new(Limits::SERVER);
    /// server.mount("/counted", move || handler(Counted(count.clone()))).page(page);
    /// ```
    #[must_use]
    pub fn of(make: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        Self::made_by(PageMaker::new(PageClosure { make: Box::new(make), watch: Mutex::default() }))
    }
}

/// A closure that makes a page.
struct PageClosure {
    make: Box<dyn Fn(&Request) -> Response + Send + Sync>,
    watch: Mutex<PageWatch>,
}

/// What is known of the pages that a closure has made.
#[derive(Debug, Default)]
struct PageWatch {
    /// `None` before the first one.
    budget: Option<CallbackBudget>,
    failures: SeldomWarning,
}

impl MakePage for PageClosure {
    fn make(&self, call: &PageCall<'_>) -> MadePage {
        let PageCall { request, path, limits } = *call;
        // No lock is held while it runs: it may run a host of its own.
        self.watch().budget_for(limits).begin();
        let made = catch_panic(|| (self.make)(request));
        let mut watch = self.watch();
        let slow_len = watch.end(path, limits);
        let made = made.map_err(|end| end.to_string());
        let response = made.and_then(|response| bounded(response, limits)).unwrap_or_else(|text| {
            watch.warn(path, limits, &text);
            let response = Response::text(Status::INTERNAL_ERROR, "the page cannot be made");
            response.note(&format!("the page of {path} cannot be made: {text}"))
        });
        MadePage { response: noted(response, path), slow_len }
    }
}

impl PageClosure {
    fn watch(&self) -> MutexGuard<'_, PageWatch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PageWatch {
    fn budget_for(&mut self, limits: &Limits) -> &mut CallbackBudget {
        let budget = self.budget.get_or_insert_with(|| CallbackBudget::new(limits));
        // A reload may have changed it.
        budget.set_max(limits);
        budget
    }

    /// A page was made: warns if it was too slow, and returns whether it was, as a count.
    fn end(&mut self, path: &str, limits: &Limits) -> u64 {
        let budget = self.budget_for(limits);
        budget.count();
        let slow_len = budget.take_slow_len();
        if let Some(slow) = budget.end() {
            let text = format!(
                "its page took at least {} ms, while everybody waited; allowed are {} ms \
                 (max-callback): what takes long is computed elsewhere (Page::of)",
                slow.ms, slow.ms_max
            );
            let text = with_untold(text, slow.untold_len);
            Subject::service(path).warn(format_args!("{text}"));
        }
        slow_len
    }

    /// A page could not be made. Clients cause that as often as they like.
    fn warn(&mut self, path: &str, limits: &Limits, text: &str) {
        let now = self.budget_for(limits).looked;
        if let Some(untold_len) = self.failures.admit(now) {
            let text = with_untold(format!("its page is a 500: {text}"), untold_len);
            Subject::service(path).warn(format_args!("{text}"));
        }
    }
}

/// The answer, if it is not too long.
///
/// # Errors
/// What the log gets.
fn bounded(mut response: Response, limits: &Limits) -> Result<Response, String> {
    let len_max = limits.outbox_bytes_max.min(Limits::PAGE_BYTES_MAX);
    response.shrink();
    match response.len() {
        len if len <= len_max => Ok(response),
        len => Err(format!("it has {len} bytes, and may have {len_max} (1 MiB, outbox-max)")),
    }
}

/// The text of a refusal may be confidential between the service and the peer, so that the log gets
/// another one.
fn noted(response: Response, path: &str) -> Response {
    if response.status().number() < 400 || response.noted().is_some() {
        return response;
    }
    response.note(&format!("the page of {path} has refused it"))
}

const _: () = assert!(Limits::PAGE_BYTES_MAX == 1 << 20, "the text of the error says so");
