//! What a child process does for its parent, and with it.

use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{process, thread};

use crate::admin::Admin;
use crate::engine::{HostEvent, LoopTask};
use crate::host::Host;
use crate::host::thread::spawn;
use crate::prefork::desk::Questions;
use crate::prefork::from_parent::FromParent;
use crate::prefork::place::ChildPlace;
use crate::prefork::plan::LATE_STOP;
use crate::prefork::queue::LinkQueue;
use crate::prefork::shared::LinkBackplane;
use crate::sys::passing::{self, ServerSignal};

impl ChildPlace {
    /// Stops a host when the parent has gone, answers what the parent asks for operators, and
    /// shares what services share. To be called before the host runs. A stop takes the time
    /// `drain` at most; a process whose loop hangs is ended some seconds after that, since it
    /// would keep its addresses.
    ///
    /// # Errors
    /// The system gives no thread, or no descriptor.
    pub fn follow_parent(self, host: &mut Host, admin: &Admin, drain: Duration) -> io::Result<()> {
        let link = self.link;
        link.set_nonblocking(true)?;
        let queue = LinkQueue::start(link.try_clone()?)?;
        let questions = Questions::start(|| admin.desk(host), &queue)?;
        let has_fault = Arc::new(AtomicBool::new(false));
        let read = link.try_clone()?;
        let descriptor = read.as_raw_fd();
        let source = FromParent::new(read, questions, has_fault.clone());
        host.watch(descriptor, Box::new(source))?;
        // The task runs before there is any socket.
        host.notice_sender().send_event(HostEvent::Task(LoopTask(Box::new(move |hub, _, _| {
            hub.share_by(Box::new(LinkBackplane::new(queue)));
        }))));
        let stopper = host.stopper();
        // It does not rely on the loop, which may hang.
        spawn("parent".to_owned(), move || {
            let ended = passing::wait_for_end(&link);
            let why = match ended {
                Err(error) => format!("cannot be watched: {error}"),
                Ok(()) if has_fault.load(Ordering::SeqCst) => "has sent what is no line".to_owned(),
                Ok(()) => "has gone".to_owned(),
            };
            log::error!(target: TARGET, "the parent process {why}, so this one stops");
            stopper.stop();
            thread::sleep(drain.saturating_add(LATE_STOP));
            log::error!(target: TARGET, "this process is killed: its stop does not end");
            passing::send(process::id(), ServerSignal::Kill);
        })
        .map(drop)
    }
}

const TARGET: &str = "switchboard::server";
