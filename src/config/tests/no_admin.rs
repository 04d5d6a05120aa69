//! A build without the feature `admin` refuses what only a build with it reads, so that a file
//! means the same in both.

use super::*;

const CURE: &str = "needs the feature admin, which this build does not have: build with --features \
                    admin, or leave it out";

#[test]
fn what_the_feature_reads_is_refused() {
    for text in ["include: a", "[server]\ninclude: a", "[x]\nInclude: a", "[service /a]\ninclude:"]
    {
        let error = parse(text).expect_err(text);
        assert!(error.contains(&format!(": include {CURE}")), "{text}: {error}");
    }
    for value in ["${A}", "a$$b", "x${", "$$"] {
        let error = parse(&format!("[server]\nstatic-root: {value}"));
        assert_eq!(error, Err(format!("server.conf:2: ${{ or $$ {CURE}")), "{value}");
    }
}

#[test]
fn another_dollar_is_itself() {
    for value in ["src$", "$src", "a$}", "{$", "$"] {
        let error = parse(&format!("[server]\nstatic-root: {value}")).expect_err(value);
        assert!(error.contains(&format!("static-root is {value:?}, allowed is")), "{error}");
    }
}
