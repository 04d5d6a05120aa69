//! What a child process does for its parent, and with it.

use std::io::{self, BufRead, BufReader, ErrorKind};
use std::os::unix::net::UnixStream;
use std::time::Duration;
use std::{process, thread};

use crate::admin::Admin;
use crate::engine::{HostEvent, LoopTask};
use crate::host::Host;
use crate::host::thread::spawn;
use crate::prefork::desk::Questions;
use crate::prefork::line::{LinkFault, LinkReader};
use crate::prefork::place::ChildPlace;
use crate::prefork::plan::LATE_STOP;
use crate::prefork::publication::event_of;
use crate::prefork::queue::LinkQueue;
use crate::prefork::shared::{Deliveries, LinkBackplane};
use crate::sys::passing::{self, ServerSignal};

impl ChildPlace {
    /// Stops a host when the parent has gone, answers what the parent asks for operators, and
    /// shares what services share. To be called before the host runs. A stop takes the time
    /// `drain` at most; a process whose loop hangs is ended some seconds after that, since it
    /// would keep its addresses.
    ///
    /// # Errors
    /// The system gives no thread, or no descriptor.
    pub fn follow_parent(self, host: &Host, admin: Admin, drain: Duration) -> io::Result<()> {
        let (link, stopper, notices) = (self.link, host.stopper(), host.notice_sender());
        let queue = LinkQueue::start(link.get_ref().try_clone()?)?;
        let questions = Questions::start(admin.desk(host)?, queue.clone())?;
        let deliveries = Deliveries::new(host.notice_sender());
        // The task runs before there is any socket.
        notices.send_event(HostEvent::Task(LoopTask(Box::new(move |hub, _, _| {
            hub.share_by(Box::new(LinkBackplane(queue)));
        }))));
        spawn("parent".to_owned(), move || {
            let why = read(link, &questions, &deliveries);
            log::error!(target: TARGET, "the parent process {why}, so this one stops");
            stopper.stop();
            thread::sleep(drain.saturating_add(LATE_STOP));
            log::error!(target: TARGET, "this process is killed: its stop does not end");
            passing::send(process::id(), ServerSignal::Kill);
        })
        .map(drop)
    }
}

/// Passes on what the parent sends, until that ends. Returns why.
fn read(
    mut link: BufReader<UnixStream>,
    questions: &Questions,
    deliveries: &Deliveries,
) -> &'static str {
    let (mut reader, mut events) = (LinkReader::default(), Vec::new());
    loop {
        let len = match link.fill_buf() {
            Ok([]) => return GONE,
            Ok(bytes) => {
                reader.push(bytes);
                bytes.len()
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => 0,
            Err(_) => return GONE,
        };
        link.consume(len);
        loop {
            match reader.next_line() {
                Ok(Some(line)) if Questions::is_one(&line) => questions.push(line),
                Ok(Some(line)) => events.extend(event_of(&line)),
                Ok(None) => break,
                Err(LinkFault) => return "has sent what is no line",
            }
        }
        if !events.is_empty() {
            deliveries.take(std::mem::take(&mut events));
        }
    }
}

const TARGET: &str = "switchboard::server";
const GONE: &str = "has gone";
