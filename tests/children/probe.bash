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
# Where the error has no id, what it says in return is wrong, too.
on_error() {
  log info "error $1 $2 $3"
  [[ $2 != - ]] || send - 'that did not work'
}
on_gap() { log info gap; }
on_reload() { log info reload; }
on_stop() { log info "stop $1"; }

on_message() {
  local order=${2%% *} rest=${2#* }
  case $order in
    send | one) send "${rest%% *}" "${rest#* }" ;;
    raw) send "$rest" raw ;;
    raw-close) close "$rest" ;;
    raw-subscribe) subscribe "$rest" news ;;
    raw-but) send_all raw "$rest" ;;
    all) send_all "$rest" ;;
    others) send_all "$rest" "$1" ;;
    close-all) close_all 4000 ;;
    topic) send_topic "$rest" 'for a topic' ;;
    topic-but) send_topic "$rest" 'for a topic' "$1" ;;
    subscribe) subscribe "$1" "$rest" ;;
    unsubscribe) unsubscribe "$1,18" "$rest" ;;
    close) close "$1" 4001 "$rest" ;;
    code) close "$1" "$rest" ;;
    pause) pause "$1" ;;
    resume) resume "$1" ;;
    label) label "$1" user "$rest" ;;
    key) label "$1" "$rest" value ;;
    level) log "$rest" text ;;
    accept) accept 18 "$rest" ;;
    reject) reject 18 401 "$rest" ;;
    subshell) (send "$1" 'by a subshell') || log info "subshell $?" ;;
    print) echo "$rest" ;;
    exit) exit "$rest" ;;
    fail) echo "$rest" >&2 && false ;;
  esac
}

serve
