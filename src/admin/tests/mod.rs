//! Requests of operators: what each asks for, and who may ask.

mod access;
mod exchange;

use crate::admin::{
    AdminAccess, AdminCommand, AdminExchange, AdminToken, AdminWay, ExchangeStep, TokenSlot,
};

/// The steps of an exchange whose input comes in these pieces, in words. A message to the service
/// `/none` is never allowed, and one to another service may have `max` bytes.
fn steps<'a>(
    access: AdminAccess,
    pieces: impl IntoIterator<Item = &'a [u8]>,
    max: usize,
) -> Vec<String> {
    let mut exchange = AdminExchange::new(access);
    let mut told = Vec::new();
    for piece in pieces {
        let mut step = exchange.receive(piece);
        while let Some(next) = step {
            told.push(word(&next));
            step = match next {
                ExchangeStep::Find(service) => exchange.allow((service != "/none").then_some(max)),
                ExchangeStep::Continue | ExchangeStep::Do(_) | ExchangeStep::Answer(_) => None,
            };
        }
    }
    told
}

fn word(step: &ExchangeStep) -> String {
    match step {
        ExchangeStep::Find(service) => format!("find {service}"),
        ExchangeStep::Continue => CONTINUE.to_owned(),
        ExchangeStep::Do(AdminCommand::Send { service, message, .. }) => match message.as_text() {
            Some(text) => format!("send {service} {text}"),
            None => format!("send {service} {:?}", message.as_bytes()),
        },
        ExchangeStep::Do(AdminCommand::Close { service, close, .. }) => {
            format!("close {service} {close}")
        }
        ExchangeStep::Do(command) => format!("{command:?}"),
        ExchangeStep::Answer(answer) => {
            format!("{} {}", answer.status().number(), answer.reason())
        }
    }
}

/// Who may do everything.
const UNIX: AdminAccess = AdminAccess { way: AdminWay::Unix, token: None };
const CONTINUE: &str = "continue";
const SECRET: &str = "0123456789abcdef";

fn secret() -> AdminToken {
    AdminToken::new(SECRET).expect("it is a token")
}
