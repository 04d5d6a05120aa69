# Serves all sockets of a Switchboard service over standard input and output, in bash 5.
#
# Copy this file beside your program, source it, define what you need of these, and call serve:
#
#   on_open ID                 with CGI's names in the array `info`: ${info[REMOTE_ADDR]}
#   on_message ID TEXT         on_close ID CODE REASON      on_error VERB ID TEXT
#   on_full ID BYTES           on_drained ID                it could not be done; - is no ID
#   on_reload                  on_stop MILLISECONDS         on_tick
#   on_gap                     messages of other processes or hosts may be missing: docs/scale.md
#   on_ask ID                  which has to accept or reject it, at once or later
#
# What a program can say is below, from send to reject. IDS are digits and commas, 17 or 17,18, and
# nothing else, so that no `*` of a peer becomes an audience; but never take an id from a peer. If
# an argument is wrong, nothing is said, on_error is called, and the status is 0: under `set -e` a
# peer could end the program otherwise. In a subshell, such as a part of a pipeline, nothing is said
# either, the log has a line, and the status is 1.
#
# With tick_seconds=1, on_tick is called each second; with protocols=NAME,NAME, these subprotocols
# are spoken. What is printed goes to the log. A variable cannot hold a byte of zero, so binary
# messages, and texts with such a byte, are skipped, and logged. Bash reads a pipe byte by byte:
# this is for short messages. Lengths count bytes: ${text:0:9} may end within a character. The host
# does not send such a text, and on_error is called.

LC_ALL=C # lengths count bytes
# The lines have descriptors of their own, so that nothing else is printed or read between them.
exec {_source}<&0 {_sink}>&1 </dev/null >&2
declare -A info
_out=
_shell=$BASHPID

on_open() { :; }
on_message() { :; }
on_close() { :; }
on_full() { :; }
on_drained() { :; }
# What the host has not done, it has warned of.
on_error() { [[ ! ${_is_refusing-} ]] || log warn "$1 $2: $3"; }
on_gap() { :; }
on_reload() { :; }
on_stop() { :; }
on_tick() { :; }
_known='on_open on_message on_close on_full on_drained on_error on_gap on_reload on_stop on_tick'
_known+=' on_ask'

# BUT_ID is left out. A TOPIC is any text of 256 bytes at most, of which all but visible ASCII counts
# three times, and so do commas, percent signs and a plus sign in front: they are percent-encoded. A
# REASON is cut to 123 bytes.
send() { _say TEXT ids "$1" body "$2"; }                                # IDS TEXT
send_all() { _say TEXT all '' but "${2-}" body "$1"; }                  # TEXT [BUT_ID]
send_topic() { _say TEXT at "$1" but "${3-}" body "$2"; }               # TOPIC TEXT [BUT_ID]
close() { _say CLOSE ids "$1" number "${2:-1000}" reason "${3-}"; }     # IDS [CODE [REASON]]
close_all() { _say CLOSE all '' number "${1:-1000}" reason "${2-}"; }   # [CODE [REASON]]
subscribe() { _say SUB ids "$1" topic "$2"; }                           # IDS TOPIC
unsubscribe() { _say UNSUB ids "$1" topic "$2"; }                       # IDS TOPIC
pause() { _say PAUSE ids "$1"; }                                        # IDS
resume() { _say RESUME ids "$1"; }                                      # IDS
label() { _say SET id "$1" token "$2" body "$3"; }                      # ID KEY VALUE
log() { _say LOG token "$1" body "$2"; }                                # LEVEL TEXT
accept() { _say ACCEPT id "$1" protocol "${2-}"; }                      # ID [PROTOCOL]
reject() { _say REJECT id "$1" number "${2:-403}" body $'\n'"${3-}"; }  # ID [STATUS [TEXT]]

# Until the host ends the input.
serve() {
  local header= part wait= status words body has_zero admission=
  local due=$((${EPOCHREALTIME/./} + ${tick_seconds:-0} * 1000000))
  trap flush EXIT
  ! declare -F on_ask >/dev/null || admission=ask
  _out="READY 1${protocols:+ protocols=$protocols}${admission:+ admission=ask}"$'\n'$_out
  for part in $(compgen -A function on_); do
    [[ " $_known " = *" $part "* ]] ||
      log warn "$part is no callback, and is not called: there are $_known"
  done
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
  local - IFS=$' \n'
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
    GAP) on_gap ;;
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

# Says a line of words, each behind its kind; or nothing of it, if one is not of its kind.
_say() { # VERB [KIND WORD]...
  local verb=$1 line=$1 id=- body= length= hint= kind word
  if ((BASHPID != _shell)); then
    echo "$verb is not said: a subshell, such as a part of a pipeline, cannot speak to the host" >&2
    return 1
  fi
  shift
  while (($# > 0)); do
    kind=$1 word=$2
    shift 2
    case $kind in
      topic | at) _encode ;;
      reason) _cut ;;
      but | protocol) [[ $word ]] || continue ;;
    esac
    if [[ ${_bytes[$kind]-} ]] && ! _is_right; then
      word=${word:0:80}
      [[ $verb$kind$word != @(TEXT|CLOSE)ids[*@]* ]] || hint=$_hint
      _refuse "$verb" "$id" \
        "no $kind: ${word@Q} instead of 1 to ${_longest[$kind]} of the bytes ${_bytes[$kind]}$hint"
      return 0
    fi
    case $kind in
      body | reason) body=$word$'\n' length=" +${#word}" ;;
      id | ids) line+=" $word" id=$word ;;
      all) line+=' *' ;;
      at) line+=" @$word" ;;
      but) line+=",!$word" ;;
      protocol) line+=" protocol=$word" ;;
      *) line+=" $word" ;;
    esac
  done
  _out+=$line$length$'\n'$body
  ((${#_out} < 65536)) || flush
}

# The bytes that each kind of words may have, and how many. Others could end the line, and be a line
# of their own.
declare -A _bytes=(
  [id]=0-9 [ids]=0-9, [but]=0-9 [number]=0-9 [topic]=!-~ [at]=!-~ [token]=a-z0-9_-
  [protocol]="A-Za-z0-9!#\$%&'*+.^_\`|~-"
)
declare -A _longest=(
  [id]=20 [ids]=671 [but]=20 [number]=4 [topic]=256 [at]=256 [token]=32 [protocol]=128
)

_hint='; for all sockets there are send_all and close_all, for a topic send_topic'

_is_right() {
  ((${#word} <= _longest[$kind])) && [[ $word != *[!${_bytes[$kind]}]* && ,$word, != *,,* ]]
}

# The name of a topic as one word. No two names become the same word; the empty one becomes %.
_encode() {
  local name=${word:0:257} byte at
  word=
  for ((at = 0; at < ${#name}; at++)); do
    byte=${name:at:1}
    if [[ $byte != [\!-~] || $byte = [%,] || $at$byte = 0+ ]]; then
      printf -v byte %d "'$byte"
      printf -v byte %%%02X $((byte & 255)) # some C libraries add to what is above ASCII
    fi
    word+=$byte
  done
  word=${word:-%}
}

# Not within a character of UTF-8.
_cut() {
  local next=${word:123:1}
  word=${word:0:123}
  [[ $next != [$'\x80'-$'\xbf'] ]] || word=${word%[$'\xc0'-$'\xff']*}
}

# If on_error says something wrong itself, that is logged only.
_refuse() { # VERB ID TEXT
  if [[ ${_is_refusing-} ]]; then
    echo "$1 $2: $3"
  else
    local _is_refusing=1
    on_error "$@"
  fi
}
