#!/usr/bin/env bash
# Sends the time to all, each second.
. "$(dirname "$0")/_switchboard.bash"

tick_seconds=1
on_tick() { printf -v time '%(%H:%M:%S)T' && send_all "$time"; }

serve
