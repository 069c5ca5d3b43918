#!/usr/bin/env bash
# Five members on this machine, ports 10001 to 10005. Stops what an earlier run left behind, starts
# them, waits until each sees all five, and stops them on Enter, Ctrl-C or a signal.
#
# State is in .parley/: run/node_10001.pid and logs/node_10001.log, and so on.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

readonly PORTS=(10001 10002 10003 10004 10005)
readonly SEED=127.0.0.1:10001
readonly RUN=.parley/run
readonly LOGS=.parley/logs
readonly MAIN="$PWD/src/cli/main.ts"
readonly START_SECONDS_MAX=55
readonly ANSWER_SECONDS_MAX=2
readonly STOP_TENTHS_MAX=30
# A script that is asked to end waits for its members first.
readonly SCRIPT_STOP_TENTHS_MAX=150

# Of this run, by port.
PIDS=()
NOTED=()

say() { printf '%s\n' "$*"; }
complain() { printf 'run-servers: %s\n' "$*" >&2; }

# --- processes ------------------------------------------------------------------------------------

# The command line of a process, or nothing. Not every machine has ps, nor every one /proc.
command_of() {
  if [[ -r /proc/$1/cmdline ]]; then
    tr '\0' ' ' <"/proc/$1/cmdline" 2>/dev/null || true
  else
    ps -p "$1" -o args= 2>/dev/null || true
  fi
}

# Process ids are used again: after a crash or a reboot a pid file may name anybody's process. So a
# process is only ours when its command line says so.
pid_if_ours() {
  local file=$1 mark=$2 pid
  [[ -f $file ]] || return 1
  pid=$(<"$file")
  [[ $pid =~ ^[0-9]+$ && $(command_of "$pid") == *"$mark"* ]] || return 1
  printf '%s' "$pid"
}

member_pid() { pid_if_ours "$RUN/node_$1.pid" "$MAIN --listen_addr 127.0.0.1:$1 "; }

# Asks the processes to end, and makes those end that did not after that many tenths of a second.
stop_pids() {
  local pid waited=0 tenths_max=$1 left still
  shift
  left=("$@")
  kill -TERM "$@" 2>/dev/null || true
  while ((${#left[@]} > 0)); do
    still=()
    for pid in "${left[@]}"; do
      if kill -0 "$pid" 2>/dev/null; then still+=("$pid"); fi
    done
    ((${#still[@]} > 0)) || return 0
    left=("${still[@]}")
    if ((++waited > tenths_max)); then
      kill -KILL "${left[@]}" 2>/dev/null || true
      return 0
    fi
    sleep 0.1
  done
}

stop_members() {
  local port pid pids=()
  for port in "${PORTS[@]}"; do
    # One of this run is ours whatever its command line says: just forked, it still is this script's.
    if [[ -n ${PIDS[port]-} ]] && runs "$port"; then
      pids+=("${PIDS[port]}")
    elif pid=$(member_pid "$port"); then
      pids+=("$pid")
    fi
  done
  if ((${#pids[@]} > 0)); then stop_pids "$STOP_TENTHS_MAX" "${pids[@]}"; fi
  for port in "${PORTS[@]}"; do rm -f "$RUN/node_$port.pid"; done
}

stop_earlier_run() {
  local pid
  # The script of an earlier run stops its members itself when it is asked to.
  if pid=$(pid_if_ours "$RUN/run-servers.pid" run-servers.sh) && [[ $pid != "$$" ]]; then
    say "Stopping the earlier run (process $pid)."
    stop_pids "$SCRIPT_STOP_TENTHS_MAX" "$pid"
  fi
  stop_members
}

# Whoever has a port now is no member that this script knows: another checkout's, perhaps.
refuse_taken_ports() {
  local port
  for port in "${PORTS[@]}"; do
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      complain "port $port is taken by another program. Stop that one first."
      return 1
    fi
  done
}

start_member() {
  local port=$1 seeds=()
  [[ 127.0.0.1:$port == "$SEED" ]] || seeds=(--seed "$SEED")
  # A process group of its own: Ctrl-C then reaches this script only, which asks the members to
  # leave. (Reaching them as well, it would be their second signal: stop at once.)
  set -m
  node "$MAIN" --listen_addr "127.0.0.1:$port" --node_id "node_$port" ${seeds[@]+"${seeds[@]}"} \
    </dev/null >"$LOGS/node_$port.log" 2>&1 &
  set +m
  PIDS[port]=$!
  printf '%s\n' "$!" >"$RUN/node_$port.pid"
  # So that bash does not report a member that someone kills; note_ended_members does.
  disown
}

runs() { kill -0 "${PIDS[$1]}" 2>/dev/null; }

# --- watching -------------------------------------------------------------------------------------

# How many live members the one on this port sees. Bash can speak TCP, so curl is not needed here.
# A member that was stopped, or whoever else has the port, may take the request and never answer.
live_count() {
  local line count=0 give_up=$((SECONDS + ANSWER_SECONDS_MAX))
  exec 3<>"/dev/tcp/127.0.0.1/$1" || return 1
  printf 'GET /health HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n' >&3
  while ((SECONDS < give_up)) && read -r -t "$ANSWER_SECONDS_MAX" -u 3 line; do
    if [[ $line =~ ^\"cluster_size\":\ ([0-9]+) ]]; then count=${BASH_REMATCH[1]}; fi
  done
  printf '%s' "$count"
}

all_see_all() {
  local port count
  for port in "${PORTS[@]}"; do
    count=$(live_count "$port" 2>/dev/null) || return 1
    ((count == ${#PORTS[@]})) || return 1
  done
}

report_end() {
  local port=$1
  complain "node_$port ended. The last lines of $LOGS/node_$port.log:"
  tail -n 10 "$LOGS/node_$port.log" | sed 's/^/  /' >&2
}

await_cluster() {
  local port give_up=$((SECONDS + START_SECONDS_MAX))
  until all_see_all; do
    for port in "${PORTS[@]}"; do
      if ! runs "$port"; then
        report_end "$port"
        return 1
      fi
    done
    if ((SECONDS >= give_up)); then
      complain "the members do not all see each other after $START_SECONDS_MAX s; see $LOGS/"
      return 1
    fi
    sleep 0.1
  done
}

# A member that ends later is news, not the end: killing one is among the things to try.
note_ended_members() {
  local port
  for port in "${PORTS[@]}"; do
    if [[ -z ${NOTED[port]-} ]] && ! runs "$port"; then
      NOTED[port]=1
      say "node_$port has ended; the others go on."
    fi
  done
  ((${#NOTED[@]} < ${#PORTS[@]}))
}

# Enter stops the cluster. Where nobody can press it (input closed or /dev/null), a signal does.
wait_for_enter() {
  local status
  while note_ended_members; do
    status=0
    read -r -t 1 || status=$?
    if ((status == 0)) || { ((status <= 128)) && [[ -t 0 ]]; }; then return 0; fi
    if ((status <= 128)); then break; fi
  done
  while note_ended_members; do
    sleep 1 &
    wait $! || true
  done
}

# --- the run --------------------------------------------------------------------------------------

# Bash before 5 has only whole seconds.
tenths() {
  local now=${EPOCHREALTIME-}
  if [[ -z $now ]]; then
    printf '%s' "$((SECONDS * 10))"
    return
  fi
  now=${now/[^0-9]/}
  printf '%s' "$((now / 100000))"
}

finish() {
  local status=$?
  trap - EXIT
  # A second Ctrl-C must not cut the stopping short and leave members behind.
  trap '' INT TERM HUP
  stop_members
  rm -f "$RUN/run-servers.pid"
  exit "$status"
}

main() {
  if [[ ${1-} == -h || ${1-} == --help ]]; then
    say 'usage: ./run-servers.sh (or npm start)'
    say 'Five members on ports 10001 to 10005 of this machine, until Enter or Ctrl-C.'
    exit 0
  fi
  if (($# > 0)); then
    complain "$1 is not known here. It takes no arguments; ./parley --help tells those of a member."
    exit 2
  fi
  if ! command -v node >/dev/null; then
    complain 'node is not installed. Parley needs Node 20 or newer, and npm.'
    exit 1
  fi
  node scripts/bootstrap.js
  PATH="$PWD/node_modules/.bin:$PATH"
  mkdir -p "$RUN" "$LOGS"
  # Half of a member's start is Node reading the sources; the second start finds them read.
  export NODE_COMPILE_CACHE="$PWD/.parley/compiled"
  stop_earlier_run
  refuse_taken_ports || exit 1

  printf '%s\n' "$$" >"$RUN/run-servers.pid"
  trap finish EXIT
  trap 'say; say "Stopping."; exit 0' INT TERM HUP

  local port started elapsed
  started=$(tenths)
  for port in "${PORTS[@]}"; do start_member "$port"; done
  await_cluster || exit 1
  elapsed=$(($(tenths) - started))

  cat <<EOF
Five members see each other, $((elapsed / 10)).$((elapsed % 10)) s after the first was started.

  Pages    http://127.0.0.1:10001/docs
  Logs     $LOGS/node_10001.log and so on

Try, in another terminal:

  curl -s '127.0.0.1:10001/set_kv?key=color&value=blue'
  until curl -s '127.0.0.1:10005/?key=color' | grep '"color": "'; do sleep 0.2; done
  curl -s '127.0.0.1:10001/mark_for_deletion?key=color'
  kill -9 \$(cat $RUN/node_10003.pid)
  curl -s 127.0.0.1:10001

EOF
  if [[ -t 0 ]]; then say 'Enter stops all five.'; else say 'A newline or SIGTERM stops all five.'; fi
  wait_for_enter
  say 'Stopping.'
}

main "$@"
