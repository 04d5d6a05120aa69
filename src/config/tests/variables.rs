//! Variables of the environment in values.

use super::admin::{World, with};

#[test]
fn a_variable_is_a_part_of_a_value() {
    let variables: &[(&str, &[u8])] =
        &[("PORT", b"80"), ("EMPTY", b""), ("_a1", b"a.example"), ("TEXT", b"${PORT} # ; $$")];
    let rows = [
        ("port: ${PORT}", "127.0.0.1", 80),
        ("port: ${PORT}80", "127.0.0.1", 8_080),
        ("port: ${PORT:-90}", "127.0.0.1", 80),
        ("port: ${NONE:-90}", "127.0.0.1", 90),
        ("port: ${EMPTY:-90}", "127.0.0.1", 90),
        ("port: 8${EMPTY}1", "127.0.0.1", 81),
        ("port: 8${NONE:-}1", "127.0.0.1", 81),
        ("host: ${_a1}, b.${_a1}", "a.example b.a.example", 12_345),
        ("host: ${NONE:-::1, a:-b}", "::1 a:-b", 12_345),
    ];
    for (line, hosts, port) in rows {
        match with(&format!("[server]\n{line}"), variables) {
            Ok(config) => {
                assert_eq!((config.hosts.join(" ").as_str(), config.port), (hosts, Some(port)));
            }
            // A default may have any sign.
            Err(error) => assert!(line.contains(":-b") && error.contains("\"a:-b\""), "{error}"),
        }
    }
    // Once, and without lines or comments of its own.
    let error = with("[server]\nstatic-root: ${TEXT}", variables).expect_err("it is not there");
    assert!(error.contains("static-root is \"${PORT} # ; $$\","), "{error}");
    let lines: &[(&str, &[u8])] = &[("LINES", b"any\nport: 1\n[limits]")];
    let error = with("[server]\norigin: ${LINES}", lines).expect_err("it is one value");
    assert!(error.starts_with("server.conf:2: origin is \"any\\nport: 1\\n[limits]\""), "{error}");
}

#[test]
fn a_dollar_is_mostly_itself() {
    let rows = [
        ("a$b", "a$b"),
        ("$", "$"),
        ("a$", "a$"),
        ("$a $ {b}", "$a $ {b}"),
        ("a$$b", "a$b"),
        ("$${A}", "${A}"),
        ("$$${A}", "$x"),
        ("$$$$", "$$"),
        ("$$$", "$$"),
        ("${B:-$$}", "$"),
        ("${B:-a$}", "a$"),
    ];
    for (value, expected) in rows {
        let error = with(&format!("[server]\nstatic-root: {value}"), &[("A", b"x")]);
        let error = error.expect_err("there is no such folder");
        assert!(error.contains(&format!("static-root is {expected:?},")), "{value}: {error}");
    }
}

#[test]
fn names_and_sections_have_none() {
    let error = with("[${A}]\n${A}: 1\n[server]\n${A}: 1", &[("A", b"server")]);
    let error = error.expect_err("they are unknown");
    assert_eq!(error.matches("${A}").count(), 3, "{error}");
    // Flags have what the shell made of them.
    let error = World::default().run(&["-s", "${A}"]).expect_err("it is not there");
    assert!(error.contains("static-root is \"${A}\""), "{error}");
}

#[test]
fn a_folder_need_not_be_text() {
    let variables: &[(&str, &[u8])] = &[("A", b"sr\xff")];
    let error = with("[server]\nstatic-root: ${A}", variables).expect_err("it is not there");
    assert!(error.contains("static-root is \"sr\u{fffd}\""), "{error}");
    let error = with("[server]\nport: ${A}", variables).expect_err("it is no number");
    assert!(error.contains("port is \"sr\u{fffd}\""), "{error}");
}

#[test]
fn all_that_is_missing_is_named_at_once() {
    let text = "[server]\nport: ${PORT}\nhost: ${A} ${PORT} ${B:-b} ${A}\ninclude: ${DIR}/*\n\
                proxy-protocol: on\ntrusted-proxy: ${PROXY}\n[service /a]\norigin: ${ORIGIN}";
    let text = if cfg!(feature = "proxy") { text } else { &text.replace("proxy-protocol: on", "") };
    let error = with(text, &[]).expect_err("nothing is set");
    let expected = |line: usize, key: &str, names: &str, first: &str| {
        let what = if names == first { "it" } else { "them" };
        format!(
            "server.conf:{line}: {key} needs {names}, not set in the environment: set {what}, or \
             write a default as in ${{{first}:-value}}"
        )
    };
    let mut all = vec![
        expected(2, "port", "PORT", "PORT"),
        expected(3, "host", "A and PORT", "A"),
        expected(4, "include", "DIR", "DIR"),
        expected(8, "origin", "ORIGIN", "ORIGIN"),
    ];
    if cfg!(feature = "proxy") {
        all.insert(3, expected(6, "trusted-proxy", "PROXY", "PROXY"));
        assert_eq!(error.lines().collect::<Vec<_>>(), all);
    }
    // Beyond twenty faults, the names alone.
    let many: String = (0..25).map(|n| format!("[service /a{n}]\norigin: ${{N{n}}}\n")).collect();
    let error = with(&many, &[]).expect_err("nothing is set");
    let end = "\nand 5 more, with variables that are not set: N20, N21, N22, N23, N24";
    assert!(error.ends_with(end), "{error}");
}

#[test]
fn braces_have_a_form() {
    let name = "in ${...}, allowed is a name of letters, digits and _, and after :- a default \
                without ${: write $${ for the text";
    let rows = [
        ("${A", "has a ${ without a }: close it, or write $${ for the text".to_owned()),
        ("${", "has a ${ without a }: close it, or write $${ for the text".to_owned()),
        ("${}", format!("has \"\" {name}")),
        ("${:-a}", format!("has \":-a\" {name}")),
        ("${1A}", format!("has \"1A\" {name}")),
        ("${A-b}", format!("has \"A-b\" {name}")),
        ("${A?}", format!("has \"A?\" {name}")),
        ("${\u{e4}}", format!("has \"\u{e4}\" {name}")),
        ("${A:-${B}}", format!("has \"A:-${{B\" {name}")),
    ];
    for (value, expected) in rows {
        let error = with(&format!("[server]\norigin: {value}"), &[("A", b"any"), ("B", b"any")]);
        assert_eq!(error, Err(format!("server.conf:2: origin {expected}")), "{value}");
    }
}

/// A key whose value cannot be read is given all the same.
#[test]
fn a_value_that_is_missing_counts_as_given() {
    let error = with("[server]\nport: ${A}\nport: 1", &[]).expect_err("it is given twice");
    assert!(error.contains("\nserver.conf:3: port is given before, in line 2"), "{error}");
}

/// An error goes to the log.
#[test]
fn errors_hide_secrets() {
    let variables: &[(&str, &[u8])] = &[("API_TOKEN", b"hunter2"), ("KEY_FILE", b"there")];
    let error = with("[server]\nstatic-root: a/${API_TOKEN}", variables).expect_err("it is wrong");
    assert!(error.contains("static-root is \"a/***\""), "{error}");
    let error = with("[server]\nstatic-root: a/${KEY_FILE}", variables).expect_err("it is wrong");
    assert!(error.contains("static-root is \"a/there\""), "{error}");
    #[cfg(feature = "programs")]
    for line in ["A-B=${KEY_FILE}", "${KEY_FILE}", "A=\"x${KEY_FILE}"] {
        let error = with(&format!("[server]\nenv: {line}"), variables).expect_err("it is wrong");
        assert!(error.contains("***") && !error.contains("there"), "{error}");
    }
}

#[cfg(feature = "programs")]
#[test]
fn a_variable_of_a_program_has_exactly_the_value() {
    let secret = "\" \\n # ; =$${A} \t\u{fc}\n\"";
    let variables: &[(&str, &[u8])] =
        &[("A", secret.as_bytes()), ("N", b"NAME"), ("BYTES", b"\xff"), ("ALL", b"X=y z")];
    let rows = [
        ("V=${A}", "V", secret.to_owned()),
        ("V =  ${A}", "V", secret.to_owned()),
        ("V=\"${A}\"", "V", secret.to_owned()),
        ("V=\" ${A}\\n\" # comment", "V", format!(" {secret}\n")),
        ("V=a\"${A}\\", "V", format!("a\"{secret}\\")),
        ("V=a ${A} b", "V", format!("a {secret} b")),
        ("V=${NONE:-\"}", "V", "\"".to_owned()),
        ("V=a$$b\"", "V", "a$b\"".to_owned()),
        ("V=a$b\\", "V", "a$b\\".to_owned()),
        ("${N}=$${A}", "NAME", "${A}".to_owned()),
        ("MY_${N}=${N}", "MY_NAME", "NAME".to_owned()),
        ("${NONE:-V=1}", "V", "1".to_owned()),
        ("${ALL}", "X", "y z".to_owned()),
    ];
    for (line, name, expected) in rows {
        let config = with(&format!("[server]\nenv: {line}"), variables).expect(line);
        let [found] = &config.all_programs.env[..] else { panic!("{line}") };
        let value = String::from_utf8_lossy(&found.value);
        assert_eq!((found.name.as_str(), &*value), (name, expected.as_str()), "{line}");
    }
    let error = with("[server]\nenv: V=${BYTES}", variables);
    let expected = "server.conf:2: env needs BYTES as text, and that is not UTF-8";
    assert_eq!(error, Err(expected.to_owned()));
}

#[test]
fn includes_have_them_too() {
    let files = [("server.conf", "include: ${DIR}/${NAME:-*}.conf"), ("d/x.conf", "[service /a]")];
    let world = World { files: &files, variables: &[("DIR", b"d")] };
    assert_eq!(world.config().expect("it is right").place_of("/a"), "d/x.conf:1");
}
