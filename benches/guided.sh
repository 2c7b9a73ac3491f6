#!/usr/bin/env bash
# Builds beleg guided by a profile of itself. An instrumented build works for two minutes, on both backends; what it
# counted tells the compilers of Rust's and of SQLite's code which way is the usual one.
#
#   benches/guided.sh          about twenty minutes on two cores; the program is then target/guided/beleg
#
# Needs the toolchain's llvm-profdata (rustup component add llvm-tools), GCC as the C compiler, and PostgreSQL's programs
# or BELEG_TEST_POSTGRES_URL: a superuser's URL. It creates databases and roles there, and drops them again.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/postgres.sh"
cd "$here/.."
host=$(rustc -vV | sed -n 's/^host: //p')
merge=$(rustc --print target-libdir)/../bin/llvm-profdata
guided=$PWD/target/guided work=$PWD/target/guided/work counts=$PWD/target/guided/work/counts

[ -x "$merge" ] || { echo "guided.sh needs llvm-profdata: rustup component add llvm-tools" >&2; exit 1; }
cc --version | grep -q 'Free Software Foundation' || { echo "guided.sh needs GCC as cc" >&2; exit 1; }
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
mkdir -p "$counts/c"
begin_postgres

# The C compiler with flags for SQLite alone, and not for the one that macros use during the build. GCC looks for its
# counts under the name of the object that it makes, and the two builds make it in different folders.
cat >"$work/cc" <<'SH'
#!/bin/sh
set -e
before='' object=''
for word; do
  if [ "$before" = -o ]; then object=$word; fi
  before=$word
done
case "$object" in *"/$GUIDED/$HOST/"*sqlite3.o) ;; *) exec cc "$@" ;; esac
case "$GUIDED" in
  count) exec cc "$@" "-fprofile-generate=$COUNTS" -fprofile-update=atomic ;;
  use)
    mkdir -p "$COUNTS${object%/*}"
    cp "$COUNTS/sqlite3.gcda" "$COUNTS${object%.o}.gcda"
    exec cc "$@" "-fprofile-use=$COUNTS" -fprofile-partial-training ;;
esac
SH
chmod +x "$work/cc"
build() { # count|use FLAGS
  # Built for a target that is named, the programs that only run during the build are left alone.
  GUIDED=$1 HOST=$host COUNTS=$counts/c CC=$work/cc CARGO_ENCODED_RUSTFLAGS=$2 CARGO_TARGET_DIR=$work/$1 \
    cargo build --profile dist --locked --target "$host"
}

say "a program that counts"
# GCC's counting needs a library that rustc does not know of.
build count "-Cprofile-generate=$counts/rust"$'\x1f'"-Clink-arg=-lgcov"
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

say "what it counted"
"$merge" merge -o "$counts/merged" "$counts"/rust/*.profraw
mv "$(find "$counts/c" -name '*sqlite3.gcda')" "$counts/c/sqlite3.gcda"
ls -l "$counts/merged" "$counts/c/sqlite3.gcda"

say "the program"
build use "-Cprofile-use=$counts/merged"
find "$counts/c" -mindepth 2 -name '*sqlite3.gcda' | grep -q . || { echo "SQLite was built without its counts" >&2; exit 1; }
mv "$work/use/$host/dist/beleg" "$guided/beleg"
ls -l "$guided/beleg"
