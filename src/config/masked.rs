//! URLs of databases and of the backplane, without their passwords.

/// Whether a URL has a password in it.
pub(super) fn has_password(url: &str) -> bool {
    masked(url) != url
}

/// A URL with `***` for its password.
pub(super) fn masked(url: &str) -> String {
    // Without slashes it is a path, which has no user.
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
    let mut shown = url[..url.len() - rest.len()].to_owned();
    let owner = before.rsplit_once('@').filter(|_| !scheme.is_empty());
    match owner.map(|(user, host)| (user.split_once(':'), host)) {
        Some((Some((user, _)), host)) => shown += &format!("{user}:{MASK}@{host}"),
        _ => shown += before,
    }
    if rest.contains('?') {
        let pairs = query.split('&').map(|pair| match pair.split_once('=') {
            Some((name, _)) if PASSWORDS.iter().any(|word| name.eq_ignore_ascii_case(word)) => {
                format!("{name}={MASK}")
            }
            _ => pair.to_owned(),
        });
        shown += &format!("?{}", pairs.collect::<Vec<_>>().join("&"));
    }
    shown
}

/// The options that are passwords: of PostgreSQL, and of Redis at a Unix socket.
const PASSWORDS: [&str; 2] = ["password", "pass"];
/// What stands for a password.
const MASK: &str = "***";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_masked() {
        for (url, shown) in [
            ("sqlite:a:b@c", "sqlite:a:b@c"),
            ("postgres://host/a", "postgres://host/a"),
            ("postgres://ida@host:5432/a", "postgres://ida@host:5432/a"),
            ("postgres://ida:p:w@host/a", "postgres://ida:***@host/a"),
            ("postgres://ida:p@w@[::1]:1/a?x=1", "postgres://ida:***@[::1]:1/a?x=1"),
            ("postgres:///a?user=ida&Password=p", "postgres:///a?user=ida&Password=***"),
            ("postgres://ida:p/w@host/a", "postgres://ida:***@host/a"),
            ("redis+unix:///redis.sock?pass=p&db=1", "redis+unix:///redis.sock?pass=***&db=1"),
            ("redis+unix:/redis.sock?db=1&pass=p", "redis+unix:/redis.sock?db=1&pass=***"),
        ] {
            assert_eq!(masked(url), shown);
            assert_eq!(has_password(url), shown.contains(MASK), "{url}");
        }
    }
}
