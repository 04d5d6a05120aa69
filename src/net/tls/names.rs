//! The DNS names of certificates, and whether a client asks for one of them.

use rustls_pki_types::CertificateDer;
use webpki::EndEntityCert;

/// Whether a name such as `*.example.org` matches others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wildcards {
    Ignored,
    Matched,
}

/// The DNS names of a certificate (`subjectAltName`), in lower case.
pub(super) fn dns_names(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok(certificate) = EndEntityCert::try_from(certificate) else { return Vec::new() };
    certificate.valid_dns_names().map(str::to_ascii_lowercase).collect()
}

/// Whether the name of a certificate matches `asked`, both in lower case. RFC 6125, 6.4.3: a
/// wildcard is the whole first label, and matches one label.
pub(super) fn matches_name(name: &str, asked: &str, wildcards: Wildcards) -> bool {
    let Some(parent) = name.strip_prefix("*.").filter(|_| wildcards == Wildcards::Matched) else {
        return name == asked;
    };
    asked.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest == parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_wildcards() {
        for (name, asked, wildcards, expected) in [
            ("a.example", "a.example", Wildcards::Ignored, true),
            ("a.example", "b.example", Wildcards::Matched, false),
            ("*.example", "b.example", Wildcards::Matched, true),
            ("*.example", "b.example", Wildcards::Ignored, false),
            ("*.example", "example", Wildcards::Matched, false),
            ("*.example", ".example", Wildcards::Matched, false),
            ("*.example", "a.b.example", Wildcards::Matched, false),
            ("a.example", "", Wildcards::Matched, false),
        ] {
            assert_eq!(matches_name(name, asked, wildcards), expected, "{name} {asked}");
        }
    }
}
