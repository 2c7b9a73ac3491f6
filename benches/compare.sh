#!/usr/bin/env bash
# Beleg's LogWork beside other event stores, in one run on this machine: three rounds in which the contenders take
# turns, then the medians. Every round is on new streams or tickets. Whoever has no turn is idle.
#
#   benches/compare.sh                     the whole comparison, seven to eight minutes after the builds
#   ROUNDS=1 SECONDS_EACH=1 CLIENTS="1 16" benches/compare.sh      a small one
#
#   benches/compare.sh build               installs and builds what is missing, and compares nothing; "install" does
#                                          so for UmaDB alone
#
# Needs jq, psql, protoc (UmaDB's build asks for it) and PostgreSQL's programs, or BELEG_TEST_POSTGRES_URL: a superuser's
# URL, such as postgres://postgres@127.0.0.1:5432/postgres. It creates databases and roles there, and drops them again.
# UmaDB goes into TOOLS (benches/.peers unless set); UMADB, PEERS and BELEG name programs that are there already, DRIVER
# the one whose bench drives Beleg's servers (BELEG unless set).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/postgres.sh"
rounds=${ROUNDS:-3} seconds=${SECONDS_EACH:-3} clients=${CLIENTS:-1 16 64 256} streams=${STREAMS:-10000}
beleg=${BELEG:-$here/../target/release/beleg} driver=${DRIVER:-$beleg}
tools=${TOOLS:-$here/.peers}
umadb=${UMADB:-$tools/bin/umadb}
peers=${PEERS:-$here/peers/target/release/beleg-peers}

install_umadb() {
  if [ -x "$umadb" ]; then return; fi
  if [ -n "${UMADB:-}" ]; then echo "no program at UMADB=$umadb" >&2; exit 1; fi
  needs_protoc
  cargo install umadb --version 0.7.8 --locked --root "$tools"
}
build_peers() {
  if [ -x "$peers" ]; then return; fi
  if [ -n "${PEERS:-}" ]; then echo "no program at PEERS=$peers" >&2; exit 1; fi
  needs_protoc
  cargo build --release --locked --manifest-path "$here/peers/Cargo.toml"
}
build_beleg() {
  if [ -x "$beleg" ]; then return; fi
  if [ -n "${BELEG:-}" ]; then echo "no program at BELEG=$beleg" >&2; exit 1; fi
  # From there, for the settings that Beleg is built with.
  (cd "$here/.." && cargo build --release --locked)
}
needs_protoc() {
  command -v protoc >/dev/null || { echo "UmaDB's build needs protoc (Debian: protobuf-compiler)" >&2; exit 1; }
}

case ${1:-} in
  '') ;;
  install) install_umadb; exit ;;
  build) install_umadb; build_peers; build_beleg; exit ;;
  *) echo "usage: compare.sh [install|build]" >&2; exit 2 ;;
esac

command -v jq >/dev/null || { echo "compare.sh needs jq" >&2; exit 1; }
work=$(mktemp -d) started=()
finish() {
  if [ $? != 0 ]; then tail -n 5 "$work"/*.log >&2 || true; fi
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${started[@]}"; do wait "$pid" 2>/dev/null || true; done
  end_postgres
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM
begin_postgres
install_umadb
build_peers
build_beleg
[ -x "$driver" ] || { echo "no program at DRIVER=$driver" >&2; exit 1; }
sql "CREATE DATABASE ${name}_peers"

# url_of LOG: where the server that writes LOG says it listens.
url_of() {
  for _ in $(seq 100); do
    # A log may name the database's address as well.
    sed -nE 's#.*listen(s at http://|ing on )(127\.0\.0\.1:[0-9]+).*#http://\2#p' "$1" | grep -m1 . && return
    sleep 0.1
  done
  echo "no server: $(cat "$1")" >&2; exit 1
}
serve() { # NAME COMMAND…: starts a server; its address is then in $url
  local log=$work/$1.log; shift
  "$@" >"$log" 2>&1 &
  started+=($!)
  pid=$!
  url=$(url_of "$log")
}
mkdir "$work/sqlite" "$work/umadb"
serve umadb "$umadb" --listen "127.0.0.1:$(free_port)" --db-path "$work/umadb"; uma_url=$url uma_pid=$pid
serve sqlite "$beleg" serve --bench --allow-import --data "$work/sqlite" --listen 127.0.0.1:0; sqlite_url=$url sqlite_pid=$pid
database_for "$beleg"
serve postgres "$beleg" serve --bench --allow-import --database "$database" --listen 127.0.0.1:0; pg_url=$url pg_pid=$pid

# Processor time of a server so far, in microseconds.
cpu_of() { awk '{sub(/.*\) /, ""); print ($12 + $13) * 10000}' "/proc/$1/stat"; }
note() { # CONTENDER WORKLOAD CLIENTS JSON [SERVER'S MICROSECONDS]
  jq -c --arg who "$1" --arg what "$2" --argjson n "$3" --argjson server "${5:-null}" \
    '{who: $who, what: $what, n: $n, rate: .perSecond, p50: .p50Us, p99: .p99Us, client: .cpuUsPerCall,
      server: (if $server and .calls then ($server / .calls | floor) else null end)}' <<<"$4" >>"$work/results"
}
uma() { # WORKLOAD CLIENTS
  local before after json; before=$(cpu_of "$uma_pid")
  json=$("$peers" umadb --url "$uma_url" --workload "$1" --clients "$2" --seconds "$seconds" --streams "$streams")
  after=$(cpu_of "$uma_pid")
  # Before histories are read they are written, and that is not the reading's time.
  if [ "$1" = append ]; then note UmaDB "$1" "$2" "$json" $((after - before)); else note UmaDB "$1" "$2" "$json"; fi
}
cqrs() { # CLIENTS
  note cqrs-es append "$1" \
    "$("$peers" cqrs --database "$(at "${name}_peers")" --clients "$1" --seconds "$seconds" --streams "$streams")"
}
# Preparing the tickets of a round costs Beleg's server time as well, so its time is not told here: a private server
# (beleg bench without --against) tells client and server together.
beleg() { # CONTENDER URL WORKLOAD CLIENTS WHAT ENTRIES TICKETS
  local json; json=$("$driver" bench --against "$2" --workloads "$3" --clients "$4" --seconds "$seconds" --rounds 1 \
    --tickets "$7" --entries "$6" --output json)
  if [ "$5" = log ]; then json=$(jq .readLog <<<"$json"); else json=$(jq '.workloads[0]' <<<"$json"); fi
  note "$1" "$5" "$4" "$json"
}

for n in $clients; do
  for round in $(seq "$rounds"); do
    echo "append: $n clients, round $round of $rounds" >&2
    uma append "$n"
    beleg "Beleg/SQLite" "$sqlite_url" log-work "$n" append 0 "$streams"
    cqrs "$n"
    beleg "Beleg/PostgreSQL" "$pg_url" log-work "$n" append 0 "$streams"
  done
done
for round in $(seq "$rounds"); do
  echo "reads: round $round of $rounds" >&2
  uma history 16
  beleg "Beleg/SQLite" "$sqlite_url" history 16 history 8 "$streams"
  beleg "Beleg/PostgreSQL" "$pg_url" history 16 history 8 "$streams"
done
for round in $(seq "$rounds"); do
  uma log 1
  beleg "Beleg/SQLite" "$sqlite_url" log 1 log 0 1
  beleg "Beleg/PostgreSQL" "$pg_url" log 1 log 0 1
done

if [ -n "${RESULTS:-}" ]; then cp "$work/results" "$RESULTS"; fi
jq -rs '
  def median: sort | .[length / 2 | floor];
  def rate($who; $what; $n): [.[] | select(.who == $who and .what == $what and .n == $n) | .rate] | median;
  def over($a; $b): if $a and $b then "\(100 * $a / $b | round) %" else "-" end;
  . as $all | (map(.n) | unique) as $_ |
  (["what", "clients", "who", "per second", "p50 us", "p99 us", "client us", "server us", "of UmaDB", "of cqrs-es"] | @tsv),
  (group_by([.what, .n])[] | group_by(.who)[] | (map(.rate) | median) as $rate | .[0] as $one |
    [$one.what, $one.n, $one.who, $rate, (map(.p50) | median), (map(.p99) | median), (map(.client) | median),
     (map(.server) | median),
     over($rate; $all | rate("UmaDB"; $one.what; $one.n)), over($rate; $all | rate("cqrs-es"; $one.what; $one.n))]
    | map(. // "-") | @tsv)
' "$work/results" | column -t -s $'\t'
