//! URLs of databases and of the backplane, without their passwords.

/// Whether a URL has a password in it.
pub(super) fn has_password(url: &str) -> bool {
    masked(url) != url
}

/// A URL with `***` for its password.
pub(super) fn masked(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
    let mut shown = format!("{scheme}://");
    match before.rsplit_once('@').map(|(user, host)| (user.split_once(':'), host)) {
        Some((Some((user, _)), host)) => shown += &format!("{user}:{MASK}@{host}"),
        _ => shown += before,
    }
    if rest.contains('?') {
        let pairs = query.split('&').map(|pair| match pair.split_once('=') {
            Some((name, _)) if name.eq_ignore_ascii_case("password") => format!("{name}={MASK}"),
            _ => pair.to_owned(),
        });
        shown += &format!("?{}", pairs.collect::<Vec<_>>().join("&"));
    }
    shown
}

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
        ] {
            assert_eq!(masked(url), shown);
            assert_eq!(has_password(url), shown.contains(MASK), "{url}");
        }
    }
}
