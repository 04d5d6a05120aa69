#!/usr/bin/env bash
# Sends every message back.
. "$(dirname "$0")/_switchboard.bash"

on_message() { send "$1" "$2"; }

serve
