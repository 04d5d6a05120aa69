#!/usr/bin/env bash
# Says what it finds of a secret in the environment of its parent.
tr '\0' '\n' <"/proc/$PPID/environ" | grep ^SECRET= || echo nothing
exec cat >/dev/null
