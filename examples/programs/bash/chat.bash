#!/usr/bin/env bash
# A chat: the first message of a socket is its name, all others go to everybody.
. "$(dirname "$0")/_switchboard.bash"

declare -A names

on_open() { send "$1" "Your name?"; }

on_message() {
  if [[ -v names[$1] ]]; then
    send_all "${names[$1]}: $2"
  else
    names[$1]=$2
    send_all "$2 has come"
  fi
}

on_close() {
  [[ -v names[$1] ]] || return 0
  send_all "${names[$1]} has gone"
  unset "names[$1]"
}

serve
