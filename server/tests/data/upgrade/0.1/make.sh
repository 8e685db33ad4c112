#!/bin/bash
# Makes the data set anew: make.sh MUSTER_0_1 INTO, as a user that may run PostgreSQL. See README.md.
set -euo pipefail
muster=$1 into=$2
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; "$bin/pg_ctl" -D "$work/pg" -m immediate stop >/dev/null 2>&1; rm -rf "$work"' EXIT
devices=160 seed=1

"$bin/initdb" -D "$work/pg" -U muster --auth=trust -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null
cat >> "$work/pg/postgresql.conf" <<END
listen_addresses = ''
unix_socket_directories = '$work'
fsync = off
logging_collector = on
log_destination = 'jsonlog'
log_directory = '$work/log'
log_filename = 'all'
log_rotation_size = 0
END
"$bin/pg_ctl" -D "$work/pg" -w -l "$work/pg.log" start >/dev/null
"$bin/createdb" -h "$work" -U muster muster
sql() { "$bin/psql" -h "$work" -U muster -qtAX -d "${2:-muster}" -c "$1"; }
url="postgres://muster@$(echo "$work" | sed 's|/|%2F|g')/muster"

runs() { # FOLDER SECONDS ARGUMENTS...: a demo for so long
  local folder=$1 seconds=$2
  shift 2
  "$muster" demo --data "$folder" --seed $seed --devices $devices --console 127.0.0.1:18443 --gateway 127.0.0.1:18444 \
    --pki 127.0.0.1:18080 "$@" > "$folder.log" 2>&1 &
  local program=$!
  until grep -q "^Devices and stations\|Muster runs at" "$folder.log"; do
    kill -0 $program || { cat "$folder.log"; exit 1; }
    sleep 1
  done
  [ -z "${meanwhile:-}" ] || "$meanwhile" "$folder"
  sleep "$seconds"
  kill -TERM $program
  wait $program || true
}

people() { # FOLDER: what people do, while devices come
  local credentials=$1/demo-credentials.json at=https://127.0.0.1:18443
  local token email password
  token=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["api_token"])' "$credentials")
  for _ in 1 2; do
    for path in devices batches rollouts releases findings revocations certificates audit custodians models; do
      curl -ksS -o /dev/null -H "Authorization: Bearer $token" "$at/api/v1/$path" || true
    done
    python3 -c 'import json,sys; [print(a["email"], a["password"]) for a in json.load(open(sys.argv[1]))["accounts"]]' "$credentials" |
      while read -r email password; do
        rm -f "$work/jar"
        curl -ksS -o /dev/null -c "$work/jar" -H 'sec-fetch-site: same-origin' --data-urlencode "email=$email" \
          --data-urlencode "password=$password" "$at/sign-in" || true
        for path in / /devices /rollouts /releases /certificates /revocations /findings /repairs /batches /approvals /audit \
          /settings /people /imports /webhooks /reports; do
          curl -ksS -o /dev/null -b "$work/jar" "$at$path" || true
        done
      done
  done
  curl -ksS -o /dev/null http://127.0.0.1:18080/ || true
}

mkdir -p "$work/postgres" "$work/sqlite" "$into"
echo "A fleet on PostgreSQL" >&2
runs "$work/postgres" 20 --database-url "$url"
sql "UPDATE model SET poll_interval_s = 4"
runs "$work/postgres" 25 --database-url "$url"
"$bin/pg_dump" -h "$work" -U muster --no-owner --no-privileges --inserts --rows-per-insert=200 muster |
  sed '/^--/d; /^$/d; /^\\/d; /^SET transaction_timeout/d; /^SELECT pg_catalog.set_config/d' > "$work/postgres.sql"
cp -a "$work/postgres" "$work/kept"
"$bin/createdb" -h "$work" -U muster check
"$bin/psql" -h "$work" -U muster -qX -v ON_ERROR_STOP=1 -d check -f "$work/postgres.sql" >/dev/null
sql "ALTER SYSTEM SET log_statement = 'all'" && sql "SELECT pg_reload_conf()" >/dev/null
meanwhile=people runs "$work/postgres" 150 --database-url "$url"
sql "ALTER SYSTEM RESET log_statement" && sql "SELECT pg_reload_conf()" >/dev/null
echo "Its statements" >&2
python3 "$(dirname "$0")/statements.py" "$work"/log/all.json -- "$bin/psql" -h "$work" -U muster -d check \
  > "$work/statements.jsonl" 2> "$into/statements.log" || { tail -5 "$into/statements.log"; exit 1; }
tail -1 "$into/statements.log"
echo "The same fleet on SQLite" >&2
runs "$work/sqlite" 45

pack() { tar -C "$1" --exclude='*.log' --exclude=uploads --sort=name --owner=0 --group=0 --mtime=@0 -cf - . | gzip -9n > "$2"; }
pack "$work/kept" "$into/postgres-folder.tar.gz"
pack "$work/sqlite" "$into/sqlite-folder.tar.gz"
gzip -9nc "$work/postgres.sql" > "$into/postgres.sql.gz"
gzip -9nc "$work/statements.jsonl" > "$into/statements.jsonl.gz"
ls -l "$into"
