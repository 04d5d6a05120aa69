//! A folder of programs, and a pump or a host that runs them. Nothing sleeps: a wait runs turns of
//! the pump until an event comes, or a distant deadline.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use switchboard::process::{
    DocumentRoot, Groups, Launch, PipeRead, ProcessExit, ProcessId, Pump, PumpEvent, PumpPlan,
    StartError,
};
use switchboard::programs::ProgramOptions;
use switchboard::{Limits, Server};

use crate::support::{DEADLINE, NEVER_MS, Running, folder};

/// A host for a folder with these programs, each as its name and its text.
pub fn serve(
    name: &str,
    programs: &[(&str, &str)],
    options: ProgramOptions,
    limits: Limits,
) -> (Running, PathBuf) {
    let folder = folder::programs(name, programs);
    (Running::start(server(&folder, options, limits)), folder)
}

/// A server for the programs of a folder.
pub fn server(folder: &Path, options: ProgramOptions, limits: Limits) -> Server {
    let mut server = Server::new(limits);
    server.document_root(folder).program_options(options);
    server
}

pub struct Bench {
    pub folder: PathBuf,
    pub root: DocumentRoot,
    pub groups: Groups,
    pub pump: Pump,
    events: Vec<PumpEvent>,
    /// The last output of the process that is read.
    buffer: Vec<u8>,
}

impl Bench {
    /// A folder with these programs, each as its name and its text.
    pub fn new(name: &str, programs: &[(&str, &str)]) -> Self {
        let folder = folder::programs(name, programs);
        let groups = Groups::default();
        let pump = Pump::new(plan(name, &groups)).expect("there are descriptors");
        let root = DocumentRoot::new(&folder).expect("it is a folder");
        let (events, buffer) = (Vec::new(), vec![0; 65_536]);
        Self { folder, root, groups, pump, events, buffer }
    }

    pub fn try_start(&mut self, path: &str) -> Result<ProcessId, StartError> {
        let program = self.root.find(path).expect("it is there");
        self.pump.start(Launch { program: &program, pass_env: &[], variables: &[] })
    }

    pub fn start(&mut self, path: &str) -> ProcessId {
        self.try_start(path).expect("it starts")
    }

    pub fn leader(&self, id: ProcessId) -> u32 {
        self.pump.leader(id).expect("it runs")
    }

    pub fn tell(&mut self, id: ProcessId, bytes: &[u8]) {
        self.pump.input(id).expect("it reads").extend_from_slice(bytes);
    }

    /// One turn: what has happened, and what was said with it.
    pub fn turn(&mut self) -> Vec<(PumpEvent, Vec<u8>)> {
        self.pump.poll(Some(DEADLINE), &mut self.events).expect("polling works");
        let events = std::mem::take(&mut self.events);
        events.into_iter().map(|event| (event, self.said(event))).collect()
    }

    /// What an event says.
    fn said(&mut self, event: PumpEvent) -> Vec<u8> {
        let PumpEvent::Output(id) = event else { return Vec::new() };
        match self.pump.read(id, &mut self.buffer) {
            PipeRead::Bytes(len) => self.buffer[..len].to_vec(),
            PipeRead::Nothing | PipeRead::End => Vec::new(),
        }
    }

    /// Takes turns until `found` finds something.
    pub fn until<T>(
        &mut self,
        what: &str,
        mut found: impl FnMut(&mut Pump, PumpEvent, &[u8]) -> Option<T>,
    ) -> T {
        let start = Instant::now();
        while start.elapsed() < DEADLINE {
            let mut result = None;
            // All of a turn is looked at, so that nothing that was read is lost.
            for (event, said) in self.turn() {
                result = result.or(found(&mut self.pump, event, &said));
            }
            if let Some(result) = result {
                return result;
            }
        }
        panic!("it does not happen: {what}");
    }

    /// Takes turns until the program has said a line.
    pub fn line(&mut self, id: ProcessId) -> String {
        let mut all = Vec::new();
        self.until("it says a line", |_, event, said| {
            assert!(!matches!(event, PumpEvent::Exit { .. }), "it is gone: {event:?}");
            all.extend_from_slice(if event == PumpEvent::Output(id) { said } else { &[] });
            all.ends_with(b"\n").then_some(())
        });
        String::from_utf8(all).expect("it is UTF-8").trim_end().to_owned()
    }

    /// All that a program still says, and how it ends.
    pub fn rest(&mut self, id: ProcessId) -> (String, ProcessExit) {
        let mut all = Vec::new();
        let exit = self.until("it exits", |_, event, said| {
            all.extend_from_slice(if event == PumpEvent::Output(id) { said } else { &[] });
            match event {
                PumpEvent::Exit { id: gone, exit, .. } => (gone == id).then_some(exit),
                PumpEvent::Output(_) | PumpEvent::Drained(_) | PumpEvent::InputClosed(_) => None,
            }
        });
        (String::from_utf8(all).expect("it is UTF-8"), exit)
    }
}

/// The plan of a pump.
pub fn plan(name: &str, groups: &Groups) -> PumpPlan {
    PumpPlan {
        worker: None,
        service: format!("/{name}"),
        programs_max: 30,
        input_high_bytes: INPUT_HIGH_BYTES,
        groups: groups.clone(),
    }
}

/// Whether a process still does something: it is neither gone nor a zombie.
pub fn is_alive(process: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// Whether the system knows a process, be it as a zombie.
pub fn is_known(process: u32) -> bool {
    Path::new(&format!("/proc/{process}")).exists()
}

/// How programs are run that end by themselves, however slow the machine is.
pub fn patient() -> ProgramOptions {
    ProgramOptions { stop_ms: NEVER_MS, ..ProgramOptions::SHARED }
}

pub const INPUT_HIGH_BYTES: usize = 65_536;
/// Long enough that a test which waits for it fails.
pub const NEVER: Duration = Duration::from_secs(1_000);
