//! The texts that a package has beside the binary: manual pages and completions. The binary prints
//! them by a flag that the help does not show. They are made from the lists of flags and keys, so
//! that they name what this build has. They have no text about features that it lacks.
//!
//! In reading order:
//!
//! - `roff`: [`Roff`](roff::Roff), the language of manual pages
//! - `command_page`: switchboard(1); `file_page`: server.conf(5)
//! - `candidates`: what may follow a flag; `bash`, `zsh`, `fish`: completions for these shells

mod bash;
mod candidates;
mod command_page;
mod file_page;
mod fish;
mod roff;
mod zsh;

pub(super) use bash::completion as bash;
pub(super) use command_page::page as command_page;
pub(super) use file_page::page as file_page;
pub(super) use fish::completion as fish;
#[cfg(test)]
pub(super) use roff::escaped;
pub(super) use zsh::completion as zsh;
