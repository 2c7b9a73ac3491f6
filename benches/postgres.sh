# PostgreSQL for the scripts beside this one: a throwaway server, or the one at BELEG_TEST_POSTGRES_URL. `begin_postgres`
# sets `postgres` to a superuser's URL, and `name` to what each database and role that they create begins with;
# `end_postgres` leaves nothing of it.
postgres='' name='' cluster='' programs=''

begin_postgres() {
  for tool in awk psql; do command -v "$tool" >/dev/null || { echo "$0 needs $tool" >&2; exit 1; }; done
  postgres=${BELEG_TEST_POSTGRES_URL:-}
  if [ -z "$postgres" ]; then start_cluster; fi
  # A server that does not answer is noticed before anything is built.
  sql 'SELECT' >/dev/null
  name=beleg_bench_$$
}
end_postgres() {
  if [ -n "$cluster" ]; then
    as_postgres "$programs/pg_ctl" -D "$cluster/data" -m immediate stop >/dev/null || true
    rm -rf "$cluster"
  elif [ -n "$name" ]; then
    drop_all || echo "what begins with $name stays on the server" >&2
  fi
}

# PostgreSQL does not run as root.
as_postgres() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }
free_port() {
  while local port=$((20000 + RANDOM % 20000)); (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
  echo "$port"
}
start_cluster() {
  local pg_ctl; pg_ctl=$(command -v pg_ctl || ls /usr/lib/postgresql/*/bin/pg_ctl 2>/dev/null | sort -V | tail -1) || true
  if [ -z "$pg_ctl" ]; then echo "$0 needs PostgreSQL's programs or BELEG_TEST_POSTGRES_URL" >&2; exit 1; fi
  programs=$(dirname "$(readlink -f "$pg_ctl")")
  cluster=$(as_postgres mktemp -d /tmp/beleg-bench-XXXXXX)
  as_postgres "$programs/initdb" -A trust -U postgres -E UTF8 --locale=C --no-sync -D "$cluster/data" >/dev/null
  local port; port=$(free_port)
  # Without the lock that a script may hold as its ninth file: a server outlives who is killed.
  as_postgres "$programs/pg_ctl" -D "$cluster/data" -l "$cluster/log" -w start >/dev/null 9>&- \
    -o "-c listen_addresses=127.0.0.1 -p $port -k $cluster -c shared_buffers=256MB -c max_connections=100"
  postgres=postgres://postgres@127.0.0.1:$port
}
# at DATABASE [ROLE:PASSWORD]: the URL of another database on the same server, as another role.
at() {
  local address=${postgres%%\?*} query=${postgres#"${postgres%%\?*}"} scheme=${postgres%%://*}
  local place=${address#*://}; place=${place%%/*}
  if [ -n "${2:-}" ]; then place=$2@${place##*@}; fi
  echo "$scheme://$place/$1$query"
}
sql() { PGOPTIONS='-c client_min_messages=warning' psql -q -v ON_ERROR_STOP=1 "$(at postgres)" -c "$1"; }
# database_for BELEG: an empty database as that program prepares it; the URL of its service role is then in `database`.
database_for() {
  sql "CREATE DATABASE $name"
  BELEG_SERVICE_PASSWORD=bench BELEG_OWNER_PASSWORD=bench \
    "$1" database init --admin "$(at "$name")" --owner "${name}_owner" --service "${name}_service" >/dev/null
  database=$(at "$name" "${name}_service:bench")
}
drop_all() {
  local one
  for one in "$name" "${name}_peers"; do sql "DROP DATABASE IF EXISTS $one WITH (FORCE)" || return; done
  # Roles are the whole server's: nothing of theirs is left once the database is gone.
  for one in "${name}_owner" "${name}_service"; do sql "DROP ROLE IF EXISTS $one" || return; done
}
