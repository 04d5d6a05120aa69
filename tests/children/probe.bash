#!/usr/bin/env bash
# Tells by log lines what it hears, and says what a text asks it to. With `asks` as an argument it
# asks for admission.
set -euo pipefail
. examples/programs/bash/_switchboard.bash

[[ ${1-} != asks ]] || on_ask() { log info "ask $1 ${info[REMOTE_ADDR]}"; }

on_open() { log info "open $1 ${info[REMOTE_ADDR]} ${info[QUERY_STRING]}"; }
on_close() { log info "close $1 $2 $3"; }
on_full() { log info "full $1 $2"; }
on_drained() { log info "drained $1"; }
on_error() { log info "error $1 $2 $3"; }
on_reload() { log info reload; }
on_stop() { log info "stop $1"; }

on_message() {
  local order=${2%% *} rest=${2#* }
  case $order in
    send) send "${rest%% *}" "${rest#* }" ;;
    subscribe) subscribe "$1" "$rest" ;;
    unsubscribe) unsubscribe "$1,18" "$rest" ;;
    close) close "$1" 4001 "$rest" ;;
    pause) pause "$1" ;;
    resume) resume "$1" ;;
    label) label "$1" user "$rest" ;;
    accept) accept 18 "$rest" ;;
    reject) reject 18 401 "$rest" ;;
    print) echo "$rest" ;;
    fail) echo "$rest" >&2 && false ;;
  esac
}

serve
