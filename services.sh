# What start_services.sh, start_api.sh and stop_services.sh share; each sources it.
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
HERE="$ROOT/build/services"
PG_PORT="${TAGGER_PG_PORT:-5433}"
S3_PORT="${TAGGER_S3_PORT:-9000}"
mkdir -p "$HERE"
chmod 700 "$HERE"
# Others on this machine reach the ports too, and PostgreSQL runs programs for whoever logs in.
[ -e "$HERE/secret" ] || (
    umask 077
    head -c 24 /dev/urandom | base64 | tr '+/' '-_' >"$HERE/secret"
)
SECRET="$(cat "$HERE/secret")"
# For compose.yaml.
export TAGGER_PG_PORT="$PG_PORT" TAGGER_S3_PORT="$S3_PORT" TAGGER_SECRET="$SECRET"

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

runs() { # PIDFILE WORD: the process lives, and is what it was: numbers are given out again
    local pid command
    pid="$(cat "$1" 2>/dev/null)" || return 1
    command="$(ps -ww -p "$pid" -o args= 2>/dev/null || tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null)"
    [[ "$command" == *"$2"* ]]
}

not_taken() { # NAME PORT VARIABLE
    if answers "$2"; then
        echo "Another program answers on port $2, which $1 was to have; choose another by $3." >&2
        exit 1
    fi
}

end() { # NAME PIDFILE WORD
    if runs "$2" "$3"; then
        local pid
        pid="$(cat "$2")"
        kill "$pid" 2>/dev/null || true
        for _ in $(seq 1 150); do
            runs "$2" "$3" || break
            sleep 0.2
        done
        if runs "$2" "$3"; then kill -9 "$pid" 2>/dev/null || true; fi
        echo "$1 has ended"
    fi
    rm -f "$2"
}

as_postgres() { # PostgreSQL refuses to run as root
    if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi
}

postgres_place() { # as root outside of folders that only root can enter, and where only root can put things
    if [ "$(id -u)" != 0 ]; then echo "$HERE/postgres"; return; fi
    echo "/var/lib/tagger-postgres-$(printf %s "$ROOT" | cksum | cut -d' ' -f1)"
}

postgres_programs() {
    local found
    found="$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)"
    [ -n "$found" ] || found="$(dirname "$(command -v initdb)" 2>/dev/null)" || true
    if [ ! -x "$found/initdb" ]; then
        echo "No PostgreSQL: install it (apt-get install postgresql, brew install postgresql)." >&2
        return 1
    fi
    echo "$found"
}
