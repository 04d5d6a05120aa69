//! The section of a backplane in a build without it.

use super::*;

/// Its keys are those of no section, and no faults of their own.
#[test]
fn a_backplane_of_another_build_is_one_fault() {
    let shown = parse("[backplane]\nurl: redis://h\nprefix: a").expect_err("there is none");
    assert!(shown.contains(":1: [backplane] needs the feature redis"), "{shown}");
    assert_eq!(shown.lines().count(), 1, "{shown}");
}
