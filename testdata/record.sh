#!/usr/bin/env bash
# Recreates the recordings in this folder: record.sh [GROUP ...]
#
# Programs are built with -trimpath, into a folder that reveals nothing about the machine, because profiles contain the
# paths of the binary and its sources. Sampling is random, so every run gives different numbers. Tests must not depend on
# a recording's numbers, only on whether two tools agree about them. The exceptions are rate1 and crafted, which are the
# same each time except for times and build ids.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
bin=/tmp/heapdiff-testdata
mkdir -p "$bin"
export CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS=-trimpath GOARCH=amd64 GOOS=linux
groups=("$@")

wanted() {
    [ ${#groups[@]} -eq 0 ] && return 0
    local group
    for group in "${groups[@]}"; do [ "$group" = "$1" ] && return 0; done
    return 1
}

build() { (cd "$here/programs/$1" && go build -o "$bin/$2" .); }

folders() { local folder; for folder in "$@"; do mkdir -p "$here/$folder"; done; }

if wanted chat; then
    folders chat
    build chat chat
    "$bin/chat" -dir "$here/chat" -seed 1 -apart 60s -goroutines
    "$bin/chat" -dir "$here/chat" -seed 2 -before other-process.pb.gz -after ''
fi
if wanted two-builds; then
    folders two-builds
    build two-builds/v1 ledger
    "$bin/ledger" -o "$here/two-builds/v1.pb.gz"
    build two-builds/v2 ledger
    "$bin/ledger" -o "$here/two-builds/v2.pb.gz"
fi
if wanted rate1; then
    folders rate1
    build rate1 rate1
    GOMAXPROCS=1 "$bin/rate1" -dir "$here/rate1"
fi
if wanted patterns; then
    folders patterns
    build patterns patterns
    "$bin/patterns" -dir "$here/patterns"
    "$bin/patterns" -dir "$here/patterns" -more
fi
if wanted generics-inline; then
    folders generics-inline
    build generics-inline generics
    "$bin/generics" -dir "$here/generics-inline"
fi
if wanted snapshots; then
    folders allocs no-gc seconds-delta text-heap empty
    build snapshots snapshots
    "$bin/snapshots" -dir "$here"
    GODEBUG=memprofilerate=0 "$bin/snapshots" -dir "$here" -empty
fi
if wanted runtime-profiles; then
    folders cpu mutex block goroutine threadcreate
    build runtime-profiles service
    "$bin/service" -dir "$here"
fi
if wanted parked; then
    folders parked
    build parked parked
    "$bin/parked" -dir "$here/parked" -apart 65s
    "$bin/parked" -quit 2>"$here/parked/quit.log" || true
fi
if wanted crafted; then
    build crafted crafted
    "$bin/crafted" -dir "$here/crafted"
fi
if wanted harbor; then
    rm -rf "$here/harbor"
    folders harbor/one harbor/restarted harbor/repeated
    build harbor harbor
    GODEBUG=gctrace=1 "$bin/harbor" -dir "$here/harbor/one" -goroutines 2>"$here/harbor/one/gctrace.log"
    "$bin/harbor" -dir "$here/harbor/restarted" -seed 2 -rounds 6
    "$bin/harbor" -dir "$here/harbor/restarted" -seed 3 -first 6 -rounds 8
    "$bin/harbor" -dir "$here/harbor/repeated" -seed 4 -rounds 6 -twice
fi
if wanted verdicts; then
    rm -rf "$here/verdicts"
    build verdicts verdicts
    for service in cache churn goroutine sessions slice ticker; do
        "$bin/verdicts" -dir "$here/verdicts" -service "$service"
    done
fi
if wanted moves; then
    rm -rf "$here/moves"
    build moves moves
    for service in renew shrink writers users sessions workers tickers \
        renew-and-leak workers-and-leak renew-and-keep drop-early drop-late drop-half; do
        "$bin/moves" -dir "$here/moves" -service "$service"
    done
fi
if wanted gate; then
    folders gate
    for version in base unchanged regression; do
        (cd "$here/programs/gate/$version" && go test -c -o "$bin/gate-$version" .)
        for run in 1 2 3; do
            "$bin/gate-$version" -test.run '^$' -test.bench . -test.benchtime 2000x \
                -test.memprofile "$here/gate/$version-$run.pb.gz" -test.memprofilerate 4096
        done
    done
fi
if wanted collector; then
    folders collector
    build collector collector
    for scenario in healthy:12s churn-tree:3s forced:3s leak:4s limit:6s spike:4s step:4s thrash:4s finalizers:3s; do
        checks=
        [ "${scenario%:*}" = finalizers ] && checks=,checkfinalizers=1
        GODEBUG=gctrace=1$checks "$bin/collector" -for "${scenario#*:}" "${scenario%:*}" \
            2>"$here/collector/${scenario%:*}.log"
    done
fi
