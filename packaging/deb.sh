#!/usr/bin/env bash
# Makes a package of Debian around the static binary.
#
#   packaging/deb.sh [x86_64|aarch64]
#
# Without an argument, for the processor of this machine. Prints the path of the package. Needs
# dpkg-deb. DEB_REVISION is what follows the version of Cargo.toml (default: 1), and DEB_MAINTAINER is
# the maintainer, as in "Name <name@host>".
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source packaging/common.bash

maintainer=${DEB_MAINTAINER:-Switchboard developers <switchboard@packages.invalid>}
# To Debian, the versions of Cargo.toml with a dash are older than those without by a tilde.
deb_version=${version/-/\~}-${DEB_REVISION:-1}
root=$packages/deb-$architecture

# Manual pages and completions, by a binary that runs here.
print() { # WHAT FILE
  install -d "$(dirname "$2")"
  "$printer" --print "$1" >"$2"
}

build
stage "$root"
printer=$binary
if ! "$binary" --version >/dev/null 2>&1; then
  cargo build --locked --features "$features" >&2
  printer=$built/debug/switchboard
fi
share=$root/usr/share
doc=$share/doc/switchboard
print man "$share/man/man1/switchboard.1"
print man5 "$share/man/man5/server.conf.5"
print bash "$share/bash-completion/completions/switchboard"
print zsh "$share/zsh/vendor-completions/_switchboard"
print fish "$share/fish/vendor_completions.d/switchboard.fish"

# The unit makes the folder of this socket. The image has none: it serves no operators by itself.
admin='unix:/run/switchboard/admin.sock, 127.0.0.1:9345'
sed -i "s|^#admin: none\$|admin: $admin|" "$root/etc/switchboard/server.conf"
grep -qx "admin: $admin" "$root/etc/switchboard/server.conf"

install -Dm644 -t "$root/usr/lib/systemd/system" packaging/switchboard.service \
  packaging/switchboard.socket
install -Dm644 packaging/debian/switchboard.sysusers "$root/usr/lib/sysusers.d/switchboard.conf"
install -Dm644 packaging/debian/lintian-overrides "$share/lintian/overrides/switchboard"

# What server.conf and the manual pages refer to. Pages that only include another file are left out.
install -Dm644 -t "$doc" README.md GUARANTEES.md
grep -LF '{{#include' docs/*.md | grep -v SUMMARY | xargs install -Dm644 -t "$doc/docs"
install -d "$doc/examples"
cp -r examples/programs "$doc/examples"
# Python and npm leave folders of their own where the examples were run.
find "$doc/examples" \( -name __pycache__ -o -name node_modules \) -prune -exec rm -r {} +
chmod -R u=rwX,go=rX "$doc/examples"
install -m755 packaging/certbot-hook "$doc/examples"
install -m644 CHANGELOG.md "$doc/changelog"
cat >"$doc/changelog.Debian" <<EOF
switchboard ($deb_version) unstable; urgency=medium

  * The package of version $version, whose changes are in changelog.gz.

 -- $maintainer  $(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")
EOF
gzip -9n "$doc/changelog" "$doc/changelog.Debian" "$share/man/man1/switchboard.1" \
  "$share/man/man5/server.conf.5"

size=$(du -sk --apparent-size "$root" | cut -f1)
install -d "$root/DEBIAN"
(cd "$root" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
echo /etc/switchboard/server.conf >"$root/DEBIAN/conffiles"
install -m755 -t "$root/DEBIAN" packaging/debian/postinst packaging/debian/prerm \
  packaging/debian/postrm
cat >"$root/DEBIAN/control" <<EOF
Package: switchboard
Version: $deb_version
Architecture: $architecture
Maintainer: $maintainer
Installed-Size: $size
Depends: systemd | systemd-standalone-sysusers | systemd-sysusers
Section: web
Priority: optional
Description: server for WebSocket services
 Switchboard hosts WebSocket services on one port: the path of an address
 names a service. A service is an executable in any language, in a folder.
 Each queue and each buffer of the server has a limit.
 .
 The package has the server, a service of systemd that listens on
 127.0.0.1:12345, manual pages, and the documents of the project.
EOF
package=$packages/switchboard_${deb_version}_$architecture.deb
dpkg-deb --root-owner-group -Zxz --build "$root" "$package" >&2
echo "$package"
