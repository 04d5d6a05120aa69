//! A build without programs says so when programs are configured.

use super::*;
use crate::config::{flags, keys};

const FLAG_CURE: &str = "is for programs, which this build does not serve: build with --features \
                         programs, or leave it out";
const CURE: &str = "needs the feature programs, which this build does not have: build with \
                    --features programs, or leave it out";

#[test]
fn keys_of_programs_are_refused() {
    for name in keys::OF_PROGRAMS {
        for section in ["server", "service /a", "limits"] {
            let error = parse(&format!("[{section}]\n{name}: 1"));
            assert_eq!(error, Err(format!("server.conf:2: {name} {CURE}")), "{section}");
        }
    }
    assert_eq!(parse("[server]\nOn_Death: keep"), Err(format!("server.conf:2: on-death {CURE}")));
}

#[cfg(not(feature = "proxy"))]
#[test]
fn keys_of_proxies_are_refused() {
    for name in keys::OF_PROXIES {
        let cure = CURE.replace("programs", "proxy");
        let error = parse(&format!("[server]\n{name}: 1"));
        assert_eq!(error, Err(format!("server.conf:2: {name} {cure}")));
    }
}

#[cfg(not(feature = "admin"))]
#[test]
fn keys_of_operators_are_refused() {
    for name in keys::OF_ADMIN {
        let cure = CURE.replace("programs", "admin");
        let error = parse(&format!("[server]\n{name}: 1"));
        assert_eq!(error, Err(format!("server.conf:2: {name} {cure}")));
    }
}

#[test]
fn flags_of_programs_are_refused() {
    for flag in flags::OF_PROGRAMS {
        let error = (Exit::CommandLine, format!("{flag} {FLAG_CURE}"));
        assert_eq!(run(&[flag, "a"], &[]), Err(error.clone()));
        let word = if flag.starts_with("--") { format!("{flag}=a") } else { format!("{flag}a") };
        assert_eq!(run(&[&word], &[]), Err(error));
    }
}
