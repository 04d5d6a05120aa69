//! Which pages may open sockets: the check of `Origin` against pages of other sites, whose
//! scripts would come with their visitor's cookies and network (RFC 6455, 10.2).

/// Which origins a service accepts. A request without `Origin` does not come from a page and
/// passes always.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum OriginRule {
    /// The origin whose host and port are those of the request itself.
    #[default]
    Same,
    /// Any.
    Any,
    /// Those listed, such as `https://example.org`.
    List(Vec<String>),
}

impl OriginRule {
    /// Whether a request to `host` that comes from `origin` is accepted.
    #[must_use]
    pub fn accepts(&self, origin: Option<&[u8]>, host: &str) -> bool {
        let Some(origin) = origin else { return true };
        let Ok(origin) = core::str::from_utf8(origin) else { return *self == Self::Any };
        match self {
            Self::Any => true,
            Self::List(list) => list.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin)),
            Self::Same => is_same(origin, host),
        }
    }

    /// What is allowed, for whoever is refused.
    #[must_use]
    pub fn demand(&self, host: &str) -> String {
        match self {
            Self::Any => "any is allowed".to_owned(),
            Self::Same => format!("only pages of {host} may"),
            Self::List(list) => format!("only pages of {} may", list.join(", ")),
        }
    }
}

/// Whether `origin` (RFC 6454, 6.2: scheme, host, port unless it is the scheme's own) has the
/// host and port of `host`, where the port may be left out likewise.
fn is_same(origin: &str, host: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let default_port = match scheme.to_ascii_lowercase().as_str() {
        "http" => ":80",
        "https" => ":443",
        _ => return false,
    };
    let bare = |text: &str| text.strip_suffix(default_port).unwrap_or(text).to_ascii_lowercase();
    !authority.is_empty() && bare(authority) == bare(host)
}
