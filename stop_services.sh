#!/usr/bin/env bash
# Ends what start_services.sh and start_api.sh have started; can be called twice. What they
# keep stays in build/services (rm -r it to begin anew).
set -euo pipefail
cd "$(dirname "$0")"
HERE="$PWD/build/services"

end() { # NAME PIDFILE
    [ -e "$2" ] || return 0
    local pid
    pid="$(cat "$2")"
    kill "$pid" 2>/dev/null || true
    for _ in $(seq 1 150); do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.2
    done
    kill -9 "$pid" 2>/dev/null || true
    rm -f "$2"
    echo "$1 has ended"
}

end "The service" "$HERE/api.pid"
if [ "$(cat "$HERE/by" 2>/dev/null)" = docker ]; then
    docker compose down
else
    end "The S3 store" "$HERE/s3.pid"
    if [ -e "$HERE/postgres.path" ]; then
        data="$(cat "$HERE/postgres.path")"
        stop=("$(cat "$HERE/postgres.programs")/pg_ctl" -D "$data" -w -m fast stop)
        [ "$(id -u)" != 0 ] || stop=(runuser -u postgres -- "${stop[@]}")
        (cd / && "${stop[@]}" >/dev/null 2>&1) || true
        rm -f "$HERE/postgres.path"
        echo "PostgreSQL has ended"
    fi
fi
rm -f "$HERE/by"
