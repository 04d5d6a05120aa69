//! A service whose work is asynchronous: each message is a job on a runtime of tokio, which is that
//! of this program. The library has no runtime. The service waits for its mail and for its jobs at
//! once: `wake_by` says what the loop calls when there is mail, and `try_receive` takes it.
//!
//! A message has the milliseconds that its job takes. The answers of a socket come in the order in
//! which its jobs end.

use std::sync::Arc;
use std::time::Duration;

use switchboard::{Context, Inbound, Limits, Message, Received, Server, Service, SocketId};
use tokio::runtime::Builder;
use tokio::sync::Notify;
use tokio::task::JoinSet;

struct Jobs;

impl Service for Jobs {
    fn run(&mut self, context: &mut Context) {
        let runtime = Builder::new_current_thread().enable_time().build();
        // A panic ends this run of the service, and the next socket starts it again.
        runtime.expect("the system has memory for a runtime").block_on(serve(context));
    }
}

/// Serves until the host stops. Jobs that are not done by then are dropped.
async fn serve(context: &mut Context<'_>) {
    let mail = Arc::new(Notify::new());
    let bell = mail.clone();
    context.wake_by(move || bell.notify_one());
    let mut jobs = JoinSet::new();
    loop {
        // While there are as many jobs as may be, the mail is left. Once it is full, its sockets
        // are not read, and TCP makes their peers wait.
        while jobs.len() < JOBS_MAX {
            match context.try_receive() {
                Received::Transaction(Inbound::Data { id, message }) => {
                    jobs.spawn(work(id, message));
                }
                Received::Transaction(_) => {}
                Received::Time => break,
                Received::End => return,
            }
        }
        context.flush();
        tokio::select! {
            Some(done) = jobs.join_next() => match done {
                Ok((id, answer)) => context.send(id, answer),
                Err(error) => eprintln!("a job has failed: {error}"),
            },
            () = mail.notified() => {}
        }
    }
}

/// Stands for a request to a database or to another server.
async fn work(id: SocketId, message: Message) -> (SocketId, String) {
    let Some(ms) = message.as_text().and_then(|text| text.parse().ok()) else {
        return (id, "send a number of milliseconds".to_owned());
    };
    tokio::time::sleep(Duration::from_millis(ms)).await;
    (id, format!("done after {ms} ms"))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut server = Server::new(Limits::SERVER);
    server.mount("/jobs", || Jobs);
    let mut host = server.bind("127.0.0.1:0")?;
    println!("listening on ws://{}/jobs", host.address());
    host.stop_on_signals()?;
    host.run()?;
    Ok(())
}

const JOBS_MAX: usize = 1_000;
