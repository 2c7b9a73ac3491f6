#!/usr/bin/env bash
# Builds beleg guided by a profile of itself. An instrumented build works for two minutes, on both backends; what it
# counted tells rustc which way is the usual one. (SQLite's C code guided in the same way by GCC changed nothing.)
#
#   benches/guided.sh          about twenty minutes on two cores; the program is then target/guided/beleg
#
# Needs the toolchain's llvm-profdata (rustup component add llvm-tools), and psql with PostgreSQL's programs or
# BELEG_TEST_POSTGRES_URL: a superuser's URL. It creates databases and roles there, and drops them again.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/postgres.sh"
cd "$here/.."
host=$(rustc -vV | sed -n 's/^host: //p')
merge=$(rustc --print target-libdir)/../bin/llvm-profdata
guided=$PWD/target/guided work=$PWD/target/guided/work

[ -x "$merge" ] || { echo "guided.sh needs llvm-profdata: rustup component add llvm-tools" >&2; exit 1; }
mkdir -p "$guided"
exec 9>"$guided/lock"
flock -n 9 || { echo "guided.sh runs already" >&2; exit 1; }

say() { printf '\n== %s\n' "$1"; }
finish() {
  if [ $? != 0 ] && [ -s "$work/trained.log" ]; then tail -n 20 "$work/trained.log" >&2; fi
  end_postgres
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM
rm -rf "$work" "$guided/beleg"
mkdir "$work"
begin_postgres

build() { # count|use FLAGS
  # Built for a target that is named, the programs that only run during the build are left alone.
  CARGO_ENCODED_RUSTFLAGS=$2 CARGO_TARGET_DIR=$work/$1 cargo build --profile dist --locked --target "$host"
}

say "a program that counts"
build count "-Cprofile-generate=$work/counts"
beleg=$work/count/$host/dist/beleg

say "its work"
train() { echo "beleg $1"; "$beleg" "$@" >>"$work/trained.log" 2>&1; }
usual=(bench --seconds 2 --rounds 1 --tickets 4000)
train "${usual[@]}"
train "${usual[@]}" --database "$(at postgres)"
train bench --grow 200000 --seconds 1 --rounds 1 --data "$work/log"
database_for "$beleg"
train migrate --data "$work/log" --database "$database"
train rebuild --data "$work/log"
train rebuild --database "$(at "$name" "${name}_owner:bench")"
train verify --data "$work/log"
train verify --database "$database"
train demo --exit
train rehearse tests/rehearsals/*.yaml

say "the program"
"$merge" merge -o "$work/merged" "$work"/counts/*.profraw
build use "-Cprofile-use=$work/merged"
mv "$work/use/$host/dist/beleg" "$guided/beleg"
ls -l "$guided/beleg"
