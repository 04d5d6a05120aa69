//! The section of the backplane, and what its keys have to fit.

use crate::backplane::RedisOptions;
use crate::config::Config;
use crate::config::error::{ConfigFault, Problem};
use crate::config::raw_config::NamedSection;
use crate::config::setting::Setting;
use crate::config::value_source::ValueSource;

/// The backplane of its section, if there is one. There is at most one section.
pub(super) fn backplane(
    sections: &[NamedSection],
    faults: &mut Vec<ConfigFault>,
) -> Option<RedisOptions> {
    let section = sections.first()?;
    let mut one = Config { backplane: Some(RedisOptions::without_url()), ..Config::default() };
    let is_refused = |setting: &&Setting| setting.key.set(&mut one, &setting.value).is_none();
    faults.extend(section.settings.iter().filter(is_refused).map(Setting::refusal));
    let mut refuse = |place, text: &str| {
        let problem = Problem::Section(text.to_owned());
        faults.push(ConfigFault { place, problem });
    };
    match section.settings.iter().find(|setting| setting.is_of("url")) {
        None => refuse(ValueSource::Line(section.line), NO_URL),
        Some(url) if RedisOptions::has_password(&url.value.to_string_lossy()) => {
            refuse(url.place, PASSWORD);
        }
        Some(url) => {
            let part = one.backplane.as_ref().and_then(|of| RedisOptions::unknown_part(&of.url));
            if let Some(part) = part {
                refuse(url.place, &format!("url has {part}"));
            }
            let is_plain = one.backplane.as_ref().is_some_and(|options| {
                options.ca_file.is_some()
                    && RedisOptions::is_url(&options.url)
                    && !RedisOptions::has_tls(&options.url)
            });
            let file = section.settings.iter().find(|setting| setting.is_of("ca-file"));
            if let Some(file) = file.filter(|_| is_plain) {
                refuse(file.place, CA_FILE);
            }
        }
    }
    one.backplane
}

const NO_URL: &str = "[backplane] has no url: add one, such as redis://127.0.0.1:6379";
const PASSWORD: &str = "url has a password, which belongs into a file: leave it out, and name the \
                        file in password-file";
const CA_FILE: &str = "ca-file is for TLS: let url begin with rediss://, or leave ca-file out";
