#!/usr/bin/env bash
# Leaves a process in a session of its own, which ignores SIGTERM and has a child that does, too;
# not for good, should a test fail.
setsid bash -c 'trap "" TERM HUP; sleep 100 & echo "$$ $!"; wait; wait' &
exec cat >/dev/null
