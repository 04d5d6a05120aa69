//! The manual page server.conf(5).

use crate::config::key::{Key, ReloadTime};
use crate::config::keys;
use crate::config::printed::roff::{Roff, bold, escaped};

/// The page with the keys of this build.
pub(in crate::config) fn page() -> String {
    let mut page =
        Roff::new("server.conf", 5, "File Formats", "the configuration of switchboard(1)");
    page.heading("DESCRIPTION");
    ABOUT.iter().for_each(|text| page.paragraph(text));
    page.example(EXAMPLE);
    let mut section = None;
    for key in keys::all() {
        if section != Some(key.section) {
            section = Some(key.section);
            page.heading(key.section.title());
        }
        let entry = format!("{}: {}", bold(key.name), escaped(key.default));
        page.entry(entry.trim_end(), &about(key));
    }
    page.heading("[service /PATH]");
    page.paragraph("A section with the path of a service has its own values of these keys:");
    let of_services = keys::all().filter(|key| key.is_for_services()).map(|key| key.name);
    page.paragraph(&format!("{}.", of_services.collect::<Vec<_>>().join(", ")));
    page.heading("SEE ALSO");
    page.formatted(&format!("{}(1)", bold("switchboard")));
    page.paragraph(
        "Documents such as docs/operation.md are those of the project. The package of Debian has \
         them in /usr/share/doc/switchboard.",
    );
    page.finish()
}

/// What the page says below the name of a key.
fn about(key: &Key) -> String {
    let applies = match key.reload {
        ReloadTime::Live => "after a reload",
        ReloadTime::NextStart => "after a restart",
    };
    let (meaning, allowed) = (key.meaning, key.allowed());
    format!("{meaning}.\nAllowed: {allowed}.\nA change applies {applies}.")
}

const ABOUT: [&str; 5] = [
    "switchboard(1) reads server.conf in its working directory, or the file that its flag --config \
     names. A flag overrides the file, and the file overrides the default. The defaults stand \
     behind the names of the keys below.",
    "A section is a name in brackets. A line is \"name: value\" or \"name = value\". A # or ; at \
     the beginning of a line, or after a blank, begins a comment.",
    "Sizes are bytes or have a unit: 64k, 1m, 1g. Times have a unit: 500ms, 25s, 2m, 1h. Relative \
     paths begin in the working directory.",
    "A line \"include: conf.d/*.conf\" reads these files at its place, in the order of their \
     names. Each begins without a section. ${NAME} in a value is a variable of the environment, \
     ${NAME:-default} one that may be missing, and $$ a dollar.",
    "switchboard --check-config reports all faults, line by line. --print-config shows what holds, \
     and where it comes from.",
];

const EXAMPLE: &str = "\
[server]
port: 8080

[service /chat]
origin: same, https://chat.example
max-message: 64k
";
