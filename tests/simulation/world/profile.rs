//! What services of a world are like.

/// What a service is like. Numbers say once in how many times; 0 is never.
#[derive(Clone, Copy, Debug)]
pub struct ServiceProfile {
    pub name: &'static str,
    /// Decides about each socket.
    pub asked: bool,
    /// Most transactions that it takes when its time comes.
    pub takes_max: usize,
    /// How it answers messages.
    pub answers: Answers,
    /// Closes the sender of a message.
    pub closes: usize,
    /// Ends when its time comes.
    pub dies: usize,
    /// Falls asleep for some of its times.
    pub sleeps: usize,
    /// Sends without being asked.
    pub talks: usize,
    /// Answers a message later.
    pub later: usize,
    /// Addresses sockets that are not its own, or have gone.
    pub strays: usize,
    /// How it differs if it is a program.
    pub program: Option<Program>,
}

/// What a program is like, whose mail counts as taken once it is in its pipe.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// How many transactions its pipe holds.
    pub pipe_max: usize,
    /// Most of them that it reads when its time comes.
    pub reads_max: usize,
    /// How many of its times pass before it writes READY: one of these.
    pub ready_after: [usize; 3],
    /// Dies in the middle of its mail.
    pub breaks: usize,
    /// Dies there, and its sockets are kept for the next one, which may admit them in another way.
    pub resets: usize,
    /// Pauses a socket that comes or sends a message.
    pub pauses: usize,
    /// Resumes a socket that it has paused before.
    pub resumes: usize,
    /// Gives them a label.
    pub labels: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// The same length to the sender.
    Echo,
    /// To all, to lists, or to a topic.
    Many,
    /// With much more than came.
    Amplified,
}

const PROMPT: ServiceProfile = ServiceProfile {
    name: "prompt",
    asked: false,
    takes_max: usize::MAX,
    answers: Answers::Echo,
    closes: 0,
    dies: 0,
    sleeps: 0,
    talks: 0,
    later: 0,
    strays: 0,
    program: None,
};

const LINES: Program = Program {
    pipe_max: 20,
    reads_max: 100,
    ready_after: [0, 1, 9],
    breaks: 0,
    resets: 0,
    pauses: 12,
    resumes: 40,
    labels: 9,
};
const SERVED: ServiceProfile = ServiceProfile { name: "served", program: Some(LINES), ..PROMPT };

/// Those of programs.
pub const PROGRAMS: [ServiceProfile; 8] = [
    ServiceProfile { answers: Answers::Many, closes: 30, strays: 40, ..SERVED },
    ServiceProfile {
        name: "stalled",
        sleeps: 3,
        asked: true,
        program: Some(Program { pipe_max: 3, reads_max: 2, pauses: 4, resumes: 400, ..LINES }),
        ..SERVED
    },
    ServiceProfile {
        name: "broken",
        answers: Answers::Many,
        program: Some(Program { breaks: 90, ..LINES }),
        ..SERVED
    },
    ServiceProfile {
        name: "unready",
        asked: true,
        dies: 90,
        program: Some(Program { ready_after: [0, 60, usize::MAX], resumes: 0, ..LINES }),
        ..SERVED
    },
    ServiceProfile {
        name: "flooding",
        answers: Answers::Amplified,
        talks: 2,
        strays: 30,
        ..SERVED
    },
    ServiceProfile {
        name: "fleeting",
        dies: 12,
        program: Some(Program { breaks: 9, ready_after: [0, 2, usize::MAX], ..LINES }),
        ..SERVED
    },
    ServiceProfile {
        name: "kept",
        answers: Answers::Many,
        sleeps: 9,
        program: Some(Program { resets: 15, pauses: 6, ready_after: [0, 2, 30], ..LINES }),
        ..SERVED
    },
    ServiceProfile {
        name: "relapsing",
        sleeps: 3,
        closes: 30,
        program: Some(Program {
            pipe_max: 3,
            reads_max: 3,
            resets: 4,
            breaks: 300,
            ready_after: [0, 3, usize::MAX],
            ..LINES
        }),
        ..SERVED
    },
];

/// The first one is always there.
pub const PROFILES: [ServiceProfile; 10] = [
    PROMPT,
    ServiceProfile { name: "crowd", answers: Answers::Many, closes: 300, talks: 9, ..PROMPT },
    ServiceProfile { name: "slow", takes_max: 3, sleeps: 9, strays: 40, ..PROMPT },
    ServiceProfile { name: "asleep", takes_max: 60, sleeps: 2, talks: 5, ..PROMPT },
    ServiceProfile { name: "mortal", dies: 60, closes: 40, strays: 9, ..PROMPT },
    ServiceProfile { name: "brief", takes_max: 2, dies: 30, sleeps: 3, ..PROMPT },
    ServiceProfile { name: "gate", asked: true, sleeps: 9, takes_max: 40, closes: 90, ..PROMPT },
    ServiceProfile { name: "loud", answers: Answers::Amplified, talks: 2, ..PROMPT },
    ServiceProfile { name: "heedless", takes_max: 0, talks: 2, ..PROMPT },
    ServiceProfile {
        name: "doomed",
        answers: Answers::Many,
        asked: true,
        dies: 9,
        sleeps: 4,
        ..PROMPT
    },
];

/// The place of the one that is started again and again.
pub const BRIEF: usize = 5;
