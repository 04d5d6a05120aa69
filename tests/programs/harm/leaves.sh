#!/usr/bin/env bash
# Leaves a process in a session of its own, which ignores SIGTERM and has a child that does, too.
setsid bash -c 'trap "" TERM HUP; sleep 1000 & echo "$$ $!"; wait; wait' &
exec cat >/dev/null
