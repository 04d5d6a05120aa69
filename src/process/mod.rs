//! Programs: executables below the document root, each run as a child process with its standard
//! input and output as the channel. The protocol is in `programs`.
//!
//! In reading order:
//!
//! - `lookup`: [`DocumentRoot`], which executable a path names; `file_names`: what names of files
//!   mean; `spelling`: the canonical path of a folder; `listings`: the names in it; `executable`:
//!   [`Executable`], the result; `current_root`: the root of a running host; `page`: the page of a
//!   program; `listing`: [`Listing`], all programs
//! - `start`: [`Launch`], how a child process begins
//! - `groups`: [`Groups`], the process groups of a host, so that none outlives it; `orphans`:
//!   processes that have left them
//! - `input_pipe`, `output_pipe`: the two ends of a child's pipes
//! - `stderr`: standard error as log lines
//! - `recording`: [`Recording`], the bytes of the pipes as a transcript
//! - `exit`: notifies a poll of the end of a child
//! - `child`: one child process, and its end in stages
//! - `pump_plan`, `pump`: [`Pump`], a poll over the pipes of many; `running`: which of them run;
//!   `facts`: the same for operators; `reports`: its log lines; `warning_kind`: which warnings are
//!   counted together
//! - `plan`: the settings of programs; `resolver`: `Programs`, which gives programs services while
//!   the host runs; `eager`: those that start without a socket; `reloading`: how a reload replaces
//!   them
//! - `program_service`: a program as a service; `run`: a run of it
//! - `shared`: one process for all of its sockets, and the next one after it; `shared_process`: its
//!   state, and its end; `commands`: its commands; `renew`: when another one replaces it;
//!   `successor`: a new version beside it, until that takes over; `handover`: what the next one
//!   gets; `unread`: the input that this one has not read; `attempts`: when the next one is
//!   started; `watch`: whether its file has changed; `replacement_turn`: which of several workers
//!   is replaced
//! - `per_socket`: one process for each socket; `framing`: how messages are cut from its output;
//!   `leaving`: processes whose sockets have gone
//! - `replay_check`: [`ReplayCheck`], a program compared with a transcript

mod attempts;
mod child;
mod commands;
mod eager;
mod executable;
mod exit;
mod facts;
mod file_names;
mod framing;
mod groups;
mod handover;
mod input_pipe;
mod leaving;
mod listing;
mod listings;
mod lookup;
mod orphans;
mod output_pipe;
mod page;
mod per_socket;
mod plan;

mod current_root;
mod program_service;
mod pump;
mod pump_plan;
mod recording;
mod reloading;
mod renew;
mod replacement_turn;
mod replay_check;
mod reports;
mod resolver;
mod run;
mod running;
mod shared;
mod shared_process;
mod spelling;
mod start;
mod stderr;
mod successor;
mod unread;
mod warning_kind;
mod watch;

pub use child::Stages;
pub use executable::{Executable, LookupError};
pub use groups::{Groups, ProcessExit};
pub use listing::Listing;
pub use lookup::DocumentRoot;
pub use output_pipe::PipeRead;
pub(crate) use plan::{PlanChange, ProgramsPlan};
pub use pump::{ProcessId, Pump, PumpEvent};
pub use pump_plan::PumpPlan;
pub(crate) use recording::Tape;
pub use recording::{Recording, RecordingError};
pub use replay_check::{ReplayCheck, ReplayError};
pub(crate) use resolver::ProgramsResolver;
pub use start::{Launch, StartError};
