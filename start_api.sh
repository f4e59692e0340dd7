#!/usr/bin/env bash
# The service on PostgreSQL and S3, in the background: ./start_api.sh [FOLDER] [options of
# `tagger serve`]. Waits until it answers; can be called twice.
set -euo pipefail
# shellcheck source=services.sh
source "$(dirname "$0")/services.sh"
PORT="${TAGGER_SERVE_PORT:-8000}"
export TAGGER_SERVE_DATABASE="${TAGGER_SERVE_DATABASE:-postgresql+psycopg://tagger:$SECRET@127.0.0.1:$PG_PORT/postgres}"
if [ -z "${TAGGER_SERVE_OBJECTS:-}" ]; then # a store of one's own has keys of its own
    export TAGGER_SERVE_OBJECTS="s3://tagger?endpoint=http://127.0.0.1:$S3_PORT"
    export AWS_ACCESS_KEY_ID=tagger AWS_SECRET_ACCESS_KEY="$SECRET"
    unset AWS_SESSION_TOKEN
fi

if runs "$HERE/api.pid" " serve "; then
    echo "The service runs already: http://127.0.0.1:$PORT"
    exit 0
fi
not_taken "the service" "$PORT" TAGGER_SERVE_PORT
TAGGER="${TAGGER:-$(ls "$ROOT"/.venv-{serve,test}/bin/tagger 2>/dev/null | head -1)}" || true
TAGGER="${TAGGER:-$(command -v tagger || true)}"
[ -n "$TAGGER" ] || { echo "tagger is not installed: pip install '.[service]'" >&2; exit 1; }
# shellcheck disable=SC2086 # TAGGER may be a command with arguments
nohup $TAGGER serve "$@" --port "$PORT" --data "$HERE/data" --state "$HERE/data/state.db" \
    >"$HERE/api.log" 2>&1 &
PID=$!
echo "$PID" >"$HERE/api.pid"
for _ in $(seq 1 600); do
    answers "$PORT" && { echo "The service answers: http://127.0.0.1:$PORT (documents: /docs)"; exit 0; }
    kill -0 "$PID" 2>/dev/null || {
        rm -f "$HERE/api.pid"
        cat "$HERE/api.log" >&2
        echo "The service has ended at once; its last words are above." >&2
        exit 1
    }
    sleep 0.1
done
end "The service" "$HERE/api.pid" " serve " >&2
echo "It did not answer on port $PORT within a minute; see $HERE/api.log" >&2
exit 1
