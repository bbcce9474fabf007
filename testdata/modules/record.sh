#!/usr/bin/env bash
# Records the services in src/ that use a public module whose leak was reported: record.sh NAME ...
#
# Each service is built and recorded twice, into recordings/NAME-bad and recordings/NAME-fixed:
#   bad    go.mod pins the version that leaks
#   fixed  fixed.mod pins the version that doesn't, if there is one; built with -tags fixed
# src/NAME/settings is sourced and may set
#   rate        bytes between two samples of the heap profile (524288)
#   snapshots   how many (12), and pause, the seconds between them (2.5)
#   warm        seconds before the first (4)
#   bad_args, fixed_args   arguments of the service
# src/NAME/bad.json and fixed.json say what leaks; they become truth.json of the recordings.
#
# A service prints the address it serves on as its first line. Only loopback is used. Modules come from the module proxy.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
bin=${TMPDIR:-/tmp}/heapdiff-testdata
mkdir -p "$bin"
export CGO_ENABLED=0 GOTOOLCHAIN=local GOARCH=amd64 GOOS=linux GOWORK=off GOFLAGS=-mod=readonly

service=
stop() { [ -z "$service" ] || kill "$service" 2>/dev/null || true; }
trap stop EXIT

build() { # NAME KIND
    local modfile=go.mod
    [ "$2" = fixed ] && [ -e "$here/src/$1/fixed.mod" ] && modfile=fixed.mod
    (cd "$here/src/$1" && nice -n 5 go build -trimpath -buildvcs=false -modfile="$modfile" ${3:+-tags "$3"} -o "$bin/$1-$2" .)
}

record() { # NAME KIND ARGUMENTS
    local name=$1 kind=$2 to=$here/recordings/$1-$2 addr='' i k
    shift 2
    rm -rf "$to"
    mkdir -p "$to"
    (cd "$bin" && GODEBUG=memprofilerate=$rate exec "./$name-$kind" "$@") >"$bin/$name-$kind.out" 2>"$bin/$name-$kind.err" &
    service=$!
    for i in $(seq 100); do
        addr=$(head -n 1 "$bin/$name-$kind.out" 2>/dev/null || true)
        [ -n "$addr" ] && break
        sleep 0.1
    done
    [ -n "$addr" ] || { echo "$name-$kind printed no address; see $bin/$name-$kind.err" >&2; exit 1; }
    sleep "$warm"
    for i in $(seq -f %02g 0 $((snapshots - 1))); do
        for k in heap goroutine; do
            curl -fsS -m 20 -o "$to/$k-$i.pb.gz" "http://$addr/debug/pprof/$k$([ $k = heap ] && echo '?gc=1' || true)"
        done
        sleep "$pause"
    done
    stop
    wait "$service" 2>/dev/null || true
    service=
    cp "$here/src/$name/$kind.json" "$to/truth.json"
    du -sb "$to"
}

for name in "$@"; do
    rate=524288 snapshots=12 pause=2.5 warm=4 bad_args='' fixed_args=''
    [ ! -e "$here/src/$name/settings" ] || . "$here/src/$name/settings"
    build "$name" bad ''
    build "$name" fixed fixed
    # shellcheck disable=SC2086 # several arguments
    record "$name" bad $bad_args
    # shellcheck disable=SC2086
    record "$name" fixed $fixed_args
done
