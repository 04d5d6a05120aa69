//! The manual page switchboard(1).

use crate::config::exit::Exit;
use crate::config::flag::{Effect, Flag};
use crate::config::printed::roff::{Roff, bold, italic};

/// The page with these flags. `purpose` and `notes` are paragraphs of the help.
pub(in crate::config) fn page<'a>(
    flags: impl Iterator<Item = &'static Flag>,
    purpose: &str,
    notes: impl Iterator<Item = &'a str>,
) -> String {
    let mut page = Roff::new("switchboard", 1, "User Commands", "a server for WebSocket services");
    page.heading("SYNOPSIS");
    page.formatted(&format!("{} [{}]", bold("switchboard"), italic("FLAGS")));
    page.heading("DESCRIPTION");
    page.paragraph(purpose);
    notes.for_each(|note| page.paragraph(note));
    page.heading("OPTIONS");
    for flag in flags {
        let short = flag.short.map(|letter| bold(&format!("-{letter}")) + ", ");
        let value = flag.value().map(|value| format!(" {}", italic(value)));
        let names = [short.unwrap_or_default(), bold(flag.long), value.unwrap_or_default()];
        page.entry(&names.concat(), &format!("{}.", flag.meaning));
        if let Effect::Key { key, .. } = flag.effect {
            let (name, default, allowed) = (key.name, key.default, key.allowed());
            page.more(&format!(
                "The key {name} of the file. Default: {default}. Allowed: {allowed}."
            ));
        }
    }
    page.heading("EXIT STATUS");
    for exit in Exit::ALL {
        page.entry(&bold(&exit.code().to_string()), &format!("{}.", exit.meaning()));
    }
    page.heading("FILES");
    page.entry(
        &bold("server.conf"),
        "The configuration, in the working directory unless --config names another file.\n\
         The service of systemd works in /etc/switchboard.",
    );
    page.heading("SEE ALSO");
    page.formatted(&format!("{}(5)", bold("server.conf")));
    page.finish()
}
