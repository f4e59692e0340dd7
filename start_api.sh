#!/usr/bin/env bash
# The service on PostgreSQL and S3, in the background: ./start_api.sh [FOLDER] [options of
# `tagger serve`]. Waits until it answers; can be called twice.
set -euo pipefail
cd "$(dirname "$0")"
export AWS_ACCESS_KEY_ID="${AWS_ACCESS_KEY_ID:-tagger}"
export AWS_SECRET_ACCESS_KEY="${AWS_SECRET_ACCESS_KEY:-tagger-on-this-machine}"
PG_PORT="${TAGGER_PG_PORT:-5433}"
S3_PORT="${TAGGER_S3_PORT:-9000}"
PORT="${TAGGER_SERVE_PORT:-8000}"
export TAGGER_SERVE_DATABASE="${TAGGER_SERVE_DATABASE:-postgresql+psycopg://tagger@127.0.0.1:$PG_PORT/postgres}"
export TAGGER_SERVE_OBJECTS="${TAGGER_SERVE_OBJECTS:-s3://tagger?endpoint=http://127.0.0.1:$S3_PORT}"
HERE="$PWD/build/services"
mkdir -p "$HERE"

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null; }

if answers; then
    echo "The service answers already: http://127.0.0.1:$PORT"
    exit 0
fi
TAGGER="${TAGGER:-$(ls .venv-serve/bin/tagger .venv-test/bin/tagger 2>/dev/null | head -1)}"
TAGGER="${TAGGER:-$(command -v tagger || true)}"
[ -n "$TAGGER" ] || { echo "tagger is not installed: make serve-demo does that." >&2; exit 1; }
# shellcheck disable=SC2086 # TAGGER may be a command with arguments
nohup $TAGGER serve "$@" --port "$PORT" --data "$HERE/data" --state "$HERE/data/state.db" \
    >"$HERE/api.log" 2>&1 &
PID=$!
echo "$PID" >"$HERE/api.pid"
for _ in $(seq 1 600); do
    answers && { echo "The service answers: http://127.0.0.1:$PORT (documents: /docs)"; exit 0; }
    kill -0 "$PID" 2>/dev/null || { cat "$HERE/api.log" >&2; exit 1; }
    sleep 0.1
done
echo "The service does not answer on port $PORT; see $HERE/api.log" >&2
exit 1
