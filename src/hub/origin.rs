//! Which pages may open sockets: the check of `Origin` against pages of other sites, whose
//! scripts would come with their visitor's cookies and network (RFC 6455, 10.2). What an
//! origin is, `ws` knows.

use crate::ws::Origin;

/// Which origins a service accepts. A request without `Origin` does not come from a page and
/// passes always; one whose `Origin` is none passes with [`OriginRule::Any`] alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum OriginRule {
    /// The origin whose host and port are those of the request itself.
    #[default]
    Same,
    /// Any.
    Any,
    /// Those listed, such as `https://example.org`.
    List(Vec<Origin>),
}

impl OriginRule {
    /// Whether a request to `host` that comes from `origin` is accepted.
    #[must_use]
    pub fn accepts(&self, origin: Option<&[u8]>, host: &str) -> bool {
        let Some(origin) = origin else { return true };
        let parsed = || core::str::from_utf8(origin).ok()?.parse::<Origin>().ok();
        match self {
            Self::Any => true,
            Self::List(list) => parsed().is_some_and(|origin| list.contains(&origin)),
            Self::Same => parsed().is_some_and(|origin| origin.is_of(host)),
        }
    }

    /// What is allowed, for whoever is refused.
    #[must_use]
    pub fn demand(&self, host: &str) -> String {
        match self {
            Self::Any => "any is allowed".to_owned(),
            Self::Same => format!("only pages of {host} may"),
            Self::List(list) => {
                let list: Vec<String> = list.iter().map(Origin::to_string).collect();
                format!("only pages of {} may", list.join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules() {
        let list = ["https://A.org:443", "null"].map(|text| text.parse().expect("an origin"));
        let list = OriginRule::List(list.to_vec());
        assert_eq!(list.demand("b.org"), "only pages of https://a.org, null may");
        let (same, any) = (OriginRule::Same, OriginRule::Any);
        let rows: [(&OriginRule, Option<&[u8]>, bool); 14] = [
            (&same, None, true),
            (&same, Some(b"http://b.org"), true),
            (&same, Some(b"https://B.org"), true),
            (&same, Some(b"https://a.org"), false),
            (&same, Some(b"null"), false),
            (&same, Some(b"b.org"), false),
            (&list, None, true),
            (&list, Some(b"https://a.org"), true),
            (&list, Some(b"null"), true),
            (&list, Some(b"http://a.org"), false),
            (&list, Some(b"https://a.org https://a.org"), false),
            (&list, Some(b"\xff"), false),
            (&any, Some(b"\xff"), true),
            (&any, Some(b"http://a.org"), true),
        ];
        for (rule, origin, expected) in rows {
            assert_eq!(rule.accepts(origin, "b.org"), expected, "{rule:?} {origin:?}");
        }
    }
}
