#!/usr/bin/env bash
# Ends what start_services.sh and start_api.sh have started; can be called twice. What they
# keep stays: build/services, as root also PostgreSQL's folder, with Docker its volumes.
set -euo pipefail
# shellcheck source=services.sh
source "$(dirname "$0")/services.sh"

end_postgres() {
    local programs data
    programs="$(postgres_programs 2>/dev/null)" || return 0
    data="$(postgres_place)/data"
    cd /
    as_postgres "$programs/pg_ctl" -D "$data" status >/dev/null 2>&1 || return 0
    as_postgres "$programs/pg_ctl" -D "$data" -w -m fast stop >/dev/null
    echo "PostgreSQL has ended (its data: $data)"
}

end "The service" "$HERE/api.pid" " serve "
if [ "$(cat "$HERE/by" 2>/dev/null)" = docker ]; then
    (cd "$ROOT" && docker compose down)
else
    end "The S3 store" "$HERE/s3.pid" "mini -dir=$HERE/s3"
    (end_postgres)
fi
rm -f "$HERE/by"
