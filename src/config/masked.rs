//! URLs of databases and of the backplane, without their passwords.

/// Whether a URL has a password in it.
pub(super) fn has_password(url: &str) -> bool {
    masked(url) != url
}

/// A URL with `***` for its password.
pub(super) fn masked(url: &str) -> String {
    // Slashes that were forgotten.
    if let Some((before, host)) = url.rsplit_once('@')
        && !url.contains("://")
        && let Some((scheme, owner)) = before.split_once(':')
        && scheme != "sqlite"
        && !owner.starts_with('/')
    {
        return format!("{scheme}:{MASK}@{host}");
    }
    // Without slashes it is a path, which has no user.
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    // Of a password with a question mark that is not escaped, a part is before it.
    let is_cut = !scheme.is_empty() && is_cut(rest);
    let begin = if is_cut { rest.rfind('@').unwrap_or(0) } else { 0 };
    let query_at = rest[begin..].find('?').map(|at| begin + at);
    let before = &rest[..query_at.unwrap_or(rest.len())];
    let mut shown = url[..url.len() - rest.len()].to_owned();
    let owner = before.rsplit_once('@').filter(|_| !scheme.is_empty());
    match owner.map(|(user, host)| (user.split_once(':'), host)) {
        Some((Some((user, _)), host)) => shown += &format!("{user}:{MASK}@{host}"),
        _ => shown += before,
    }
    let is_of_database = ["sqlite", "postgres"].iter().any(|kind| url.starts_with(kind));
    // A URL of Redis has few options. Who writes another one may mean a password.
    let is_secret = |name: &str| match is_of_database {
        true => name.eq_ignore_ascii_case("password"),
        false => !OPTIONS_OF_REDIS.contains(&name),
    };
    if let Some(at) = query_at {
        let pairs = rest[at + 1..].split('&').map(|pair| match pair.split_once('=') {
            Some((name, _)) if is_secret(name) => format!("{name}={MASK}"),
            None if !is_of_database && !pair.is_empty() => MASK.to_owned(),
            _ => pair.to_owned(),
        });
        shown += &format!("?{}", pairs.collect::<Vec<_>>().join("&"));
    }
    if let Some((before, fragment)) = shown.split_once('#')
        && !is_of_database
        && fragment != "insecure"
    {
        shown = format!("{before}#{MASK}");
    }
    shown
}

/// Whether what is before the first question mark has something else than a port behind its host.
fn is_cut(rest: &str) -> bool {
    let place = rest.split(['?', '/']).next().unwrap_or_default();
    let port =
        place.rsplit_once(':').filter(|(host, _)| !host.starts_with('[')).map(|(_, port)| port);
    !place.contains('@') && port.is_some_and(|port| port.parse::<u16>().is_err())
}

/// The options of Redis that are no passwords.
const OPTIONS_OF_REDIS: [&str; 3] = ["db", "user", "protocol"];
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
            ("redis://:p?w@host", "redis://:***@host"),
            ("postgres://ida:p?w=@host:1/a?x=1", "postgres://ida:***@host:1/a?x=1"),
            ("postgres://host:5432/a?x=b@c", "postgres://host:5432/a?x=b@c"),
            ("postgres://[::1]/a?x=b@c", "postgres://[::1]/a?x=b@c"),
            ("postgres://[::1]:1/a?x=b@c", "postgres://[::1]:1/a?x=b@c"),
            ("redis+unix:///redis.sock?pass=p&db=1", "redis+unix:///redis.sock?pass=***&db=1"),
            ("redis+unix:/redis.sock?pass=p@q", "redis+unix:/redis.sock?pass=***"),
            ("redis:ida:p@host", "redis:***@host"),
            ("ida:p@q@host:1", "ida:***@host:1"),
            ("redis+unix:ida:p@/redis.sock", "redis+unix:***@/redis.sock"),
            ("redis+unix:/run/a@b.sock", "redis+unix:/run/a@b.sock"),
            ("redis+unix:/redis.sock?db=1&pass=p", "redis+unix:/redis.sock?db=1&pass=***"),
            ("redis+unix:/redis.sock?user=ida#p", "redis+unix:/redis.sock?user=ida#***"),
            ("redis://h/1?auth=p&protocol=3&p", "redis://h/1?auth=***&protocol=3&***"),
            ("redis://i:p#q@h", "redis://i:***@h"),
            ("valkeys://h#p", "valkeys://h#***"),
            ("rediss://i:p@h#insecure", "rediss://i:***@h#insecure"),
            ("postgres://h/a#b?c", "postgres://h/a#b?c"),
            ("sqlite:a?pass=b#c", "sqlite:a?pass=b#c"),
        ] {
            assert_eq!(masked(url), shown);
            assert_eq!(has_password(url), shown.contains(MASK), "{url}");
        }
    }
}
