//! The names of channels. Those of topics have the length of the path of the service, so that no
//! two topics have one channel, whatever bytes are in them.

/// The channel of a topic.
#[must_use]
pub fn of_topic(prefix: &str, service: &str, topic: &str) -> String {
    format!("{prefix}:t:{}:{service}:{topic}", service.len())
}

/// The channel of what is for all sockets of a service, of all services.
pub(super) fn of_all(prefix: &str) -> String {
    format!("{prefix}:all")
}

/// The channel of one host, for itself.
pub(super) fn of_node(prefix: &str, node: &str) -> String {
    format!("{prefix}:n:{node}")
}

/// The service and the topic of the channel of a topic.
#[must_use]
pub fn topic<'a>(prefix: &str, channel: &'a str) -> Option<(&'a str, &'a str)> {
    let rest = channel.strip_prefix(prefix)?.strip_prefix(":t:")?;
    let (len, rest) = rest.split_once(':')?;
    let (service, topic) = rest.split_at_checked(len.parse().ok()?)?;
    Some((service, topic.strip_prefix(':')?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_has_one_topic() {
        for (service, found) in [("/chat", "news"), ("/a:1", ":b"), ("/é", "é \n:"), ("/", "")] {
            let channel = of_topic("p", service, found);
            assert_eq!(topic("p", &channel), Some((service, found)));
            assert_eq!(topic("q", &channel), None);
        }
        assert_ne!(of_topic("p", "/a:b", "c"), of_topic("p", "/a", "b:c"));
        for other in [&of_all("p"), &of_node("p", "0"), "p:t:9:/a:b", "p:t:x:/a:b", "p:t:2:/ab"] {
            assert_eq!(topic("p", other), None, "{other}");
        }
    }
}
