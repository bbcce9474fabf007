#!/usr/bin/env bash
# Takes heap profiles of a service while it works: capture.sh [-leak] DIR [NUMBER [SECONDS]]
#
# Writes NUMBER profiles (12), SECONDS apart (0.5), to DIR/heap-01.pb.gz and so on. The service is built and
# started here, and ends with the script however that ends.
set -euo pipefail

leak=()
if [ "${1-}" = -leak ]; then
    leak=(-leak)
    shift
fi
if [ $# -lt 1 ] || [ $# -gt 3 ]; then
    echo "usage: $0 [-leak] DIR [NUMBER [SECONDS]]" >&2
    exit 2
fi
dir=$1 number=${2:-12} seconds=${3:-0.5}
here=$(cd "$(dirname "$0")" && pwd)

work=$(mktemp -d)
service='' load=''
clean() {
    # The load goes first: it has nobody to talk to without the service.
    for process in $load $service; do
        kill "$process" 2>/dev/null || true
        wait "$process" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

mkdir -p "$dir"
(cd "$here/service" && CGO_ENABLED=0 go build -trimpath -o "$work/service" .)

# One sample in 16 KiB that are allocated, where the default is one in 512 KiB.
: >"$work/address"
GODEBUG=memprofilerate=16384 "$work/service" ${leak[@]+"${leak[@]}"} >"$work/address" &
service=$!
for _ in $(seq 100); do
    url=$(cat "$work/address")
    [ -n "$url" ] && break
    if ! kill -0 "$service" 2>/dev/null; then
        echo "$0: the service ended before it listened" >&2
        exit 1
    fi
    sleep 0.1
done
if [ -z "$url" ]; then
    echo "$0: after 10 seconds the service has not said where it listens" >&2
    exit 1
fi

get() { curl --silent --show-error --fail --max-time 30 --noproxy '*' "$@"; }

# What a service needs once, buffers and connections, is there before the first profile.
get -o /dev/null "$url/board?pass=[1-500]"
while get -o /dev/null "$url/board?pass=[1-100]"; do sleep 0.05; done 2>"$work/load.log" &
load=$!

for ((i = 1; i <= number; i++)); do
    sleep "$seconds"
    # gc=1: what nobody holds any more is no growth.
    get -o "$(printf '%s/heap-%02d.pb.gz' "$dir" "$i")" "$url/debug/pprof/heap?gc=1"
    if ! kill -0 "$load" 2>/dev/null; then
        echo "$0: the load ended while profiles were taken: $(cat "$work/load.log")" >&2
        exit 1
    fi
done
