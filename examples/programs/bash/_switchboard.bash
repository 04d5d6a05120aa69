# Serves all sockets of a Switchboard service over standard input and output, in bash 5.
#
# Copy this file beside your program, source it, define what you need of these, and call serve:
#
#   on_open ID                 with CGI's names in the array `info`: ${info[REMOTE_ADDR]}
#   on_message ID TEXT         on_close ID CODE REASON      on_error VERB ID TEXT
#   on_full ID BYTES           on_drained ID                it could not be done
#   on_reload                  on_stop MILLISECONDS         on_tick
#   on_ask ID                  which has to accept or reject it, at once or later
#
# IDS may be an id, a list such as 17,18, '*' for all sockets, '@topic' for those who subscribed,
# and any of these less one: '*,!17'. With tick_seconds=1, on_tick is called each second; with
# protocols=NAME,NAME, these subprotocols are spoken. What is printed goes to the log. A variable
# cannot hold a byte of zero, so binary messages, and texts with such a byte, are skipped, and
# logged. Bash reads a pipe byte by byte: this is for short messages.

LC_ALL=C # lengths count bytes
# The lines have descriptors of their own, so that nothing else is printed or read between them.
exec {_source}<&0 {_sink}>&1 </dev/null >&2
declare -A info
_out=

on_open() { :; }
on_message() { :; }
on_close() { :; }
on_full() { :; }
on_drained() { :; }
on_error() { echo "$1 $2: $3"; }
on_reload() { :; }
on_stop() { :; }
on_tick() { :; }

send() { _say_with "$2" TEXT "$1"; }                           # IDS TEXT
close() { _say_with "${3-}" CLOSE "$1" "${2:-1000}"; }         # IDS [CODE [REASON]]
subscribe() { _say SUB "$1" "$2"; }                            # IDS TOPIC
unsubscribe() { _say UNSUB "$1" "$2"; }                        # IDS TOPIC
pause() { _say PAUSE "$1"; }                                   # IDS
resume() { _say RESUME "$1"; }                                 # IDS
label() { _say_with "$3" SET "$1" "$2"; }                      # ID KEY VALUE
log() { _say_with "$2" LOG "$1"; }                             # LEVEL TEXT
accept() { _say ACCEPT "$1" ${2+"protocol=$2"}; }              # ID [PROTOCOL]
reject() { _say_with $'\n'"${3-}" REJECT "$1" "${2:-403}"; }   # ID [STATUS [TEXT]]

# Until the host ends the input.
serve() {
  local header= part wait= status words body has_zero admission=
  local due=$((${EPOCHREALTIME/./} + ${tick_seconds:-0} * 1000000))
  trap flush EXIT
  ! declare -F on_ask >/dev/null || admission=ask
  _out="READY 1${protocols:+ protocols=$protocols}${admission:+ admission=ask}"$'\n'$_out
  while :; do
    if [[ ${tick_seconds-} ]]; then
      if ((${EPOCHREALTIME/./} >= due)); then
        due=$((${EPOCHREALTIME/./} + tick_seconds * 1000000))
        on_tick
      fi
      printf -v wait %.6f "$((due - ${EPOCHREALTIME/./}))e-6"
    fi
    # With nothing left to be heard, all that was said is one write. It does not wait for long:
    # the host reads on, even while what it writes itself is not read.
    read -r -t 0 -u "$_source" || flush
    status=0
    IFS= read -r ${wait:+-t "$wait"} -u "$_source" part || status=$?
    header+=$part
    ((status <= 128)) || continue # the time was up
    ((status == 0)) || return 0
    _split
    body= has_zero=
    [[ ${words[-1]-} != +* ]] || _read_body "${words[-1]}"
    header=
    _hear "${words[@]}"
  done
}

flush() {
  printf %s "$_out" >&"$_sink"
  _out=
}

_split() {
  local -
  set -f
  words=(${header%$'\r'})
}

# The newline behind the body is read with it. A byte of zero ends each read before its length.
_read_body() {
  local left=$((${1#+} + 1)) part
  while ((left > 0)); do
    IFS= read -r -d '' -n "$left" -u "$_source" part || exit 0 # the host has gone
    body+=$part
    left=$((left - ${#part}))
    ((left == 0)) || { has_zero=1 left=$((left - 1)); }
  done
  [[ $body = *$'\n' ]] || { echo "out of step: no newline after the body of ${words[*]}"; exit 1; }
  body=${body%$'\n'}
}

_hear() {
  case ${1-} in
    TEXT | BIN) _hear_message "$@" ;;
    OPEN) _info && on_open "$2" ;;
    ASK) _info && on_ask "$2" ;;
    CLOSE) on_close "$2" "$3" "$body" ;;
    FULL) on_full "$2" "$3" ;;
    DRAIN) on_drained "$2" ;;
    ERR) on_error "$2" "$3" "$body" ;;
    RELOAD) on_reload ;;
    STOP) on_stop "$2" ;;
  esac
}

_hear_message() {
  if [[ $1 = TEXT && ! $has_zero ]]; then
    on_message "$2" "$body"
  else
    echo "socket $2: a $1 message is skipped, which bash cannot hold"
  fi
}

_info() {
  local lines line
  mapfile -t lines <<<"$body"
  info=()
  for line in "${lines[@]}"; do
    [[ $line != [A-Z]*=* ]] || info[${line%%=*}]=${line#*=}
  done
}

_say() { # VERB IDS [WORD]
  _are_words "$@" || return 0
  _out+="$*"$'\n'
}

_say_with() { # BODY VERB IDS [WORD]
  _are_words "${@:2}" || return 0
  _out+="${*:2} +${#1}"$'\n'$1$'\n'
  ((${#_out} < 65536)) || flush
}

# What a peer has a say in, such as a topic, must not become a line of its own.
_are_words() {
  local word
  for word; do
    case $word in
      '' | +* | *[[:space:][:cntrl:]]* | *$'\xc2'[$'\x80'-$'\x9f']*) ;;
      *) ((${#word} > 256)) || continue ;;
    esac
    on_error "$1" "$2" "a word has no blanks and no + in front, and is not long: $word"
    return 1
  done
}
