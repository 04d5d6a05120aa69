//! Sockets that come and go: connect, upgrade, one echo, closing handshake, end of the stream, and
//! the next one in its place.

use std::time::Duration;

use super::{Load, SILENCE_MAX, Tally};

/// Runs until the window is over, with so many sockets at a time.
///
/// # Errors
/// What the server did that it must not.
pub fn churn(load: &mut Load, at_once: usize, tally: &mut Tally) -> Result<(), String> {
    let mut steps = vec![Step::Upgrade; at_once];
    for socket in 0..at_once {
        let client = load.connect(socket)?;
        load.clients.push(client);
    }
    while tally.goes_on()? {
        for at in 0..load.wait(SILENCE_MAX)? {
            let socket = load.ready(at);
            let goes_on = load.turn(socket)?;
            let client = &mut load.clients[socket];
            match steps[socket] {
                Step::Upgrade if client.is_open() => {
                    client.ask(1, &load.messages)?;
                    steps[socket] = Step::Echo;
                }
                Step::Echo if client.received() == 1 => {
                    client.send_control(0x8, &NORMAL_CLOSURE)?;
                    steps[socket] = Step::Close;
                }
                Step::Upgrade | Step::Echo | Step::Close => {}
            }
            if goes_on {
                continue;
            }
            if !client.is_closed() {
                return Err("the server ended a socket without a close frame".to_owned());
            }
            tally.count(1, 0);
            tally.latency(client.opened().elapsed());
            load.clients[socket] = load.connect(socket)?;
            steps[socket] = Step::Upgrade;
        }
    }
    if load.clients.iter().any(|client| client.opened().elapsed() > LIFE_MAX) {
        return Err(format!("the life of a socket took more than {LIFE_MAX:?}"));
    }
    Ok(())
}

/// What a socket waits for.
#[derive(Clone, Copy)]
enum Step {
    Upgrade,
    Echo,
    Close,
}

/// RFC 6455, 7.4.1: 1000.
const NORMAL_CLOSURE: [u8; 2] = [0x03, 0xE8];

/// Far more than any server takes for one socket of this load.
const LIFE_MAX: Duration = Duration::from_secs(60);
