"""Reads what a server of PostgreSQL logged (jsonlog, log_statement = all) of Muster's sessions, and prints its transactions, each on a
line as JSON: [[statement, [value or null, ...]], ...]. Of those that consist of the same statements two are kept. A transaction is kept
if it can be done on the database of the data set, alone and as it stands.

Usage: statements.py LOG... -- psql DATABASE_ARGUMENTS...
"""

import json
import re
import subprocess
import sys

SAME = 2
MOST = 30_000
# What belongs to a session and to nothing that is kept, and what the tests do by themselves.
LEFT_OUT = re.compile(r"^\s*(SET |SELECT 1$|LISTEN|COPY|SAVEPOINT|RELEASE|CREATE|DROP|ALTER|ANALYZE|LOCK|SHOW)|advisory|_sqlx|pg_catalog|version\(\)", re.I)


def values(detail):
    """$1 = 'it''s', $2 = NULL"""
    if not detail:
        return []
    text = re.sub(r"^[Pp]arameters: ", "", detail)
    found = re.findall(r"\$\d+ = (NULL|'(?:[^']|'')*')(?:, |$)", text)
    return [None if value == "NULL" else value[1:-1].replace("''", "'") for value in found]


def transactions(lines):
    begun = {}
    for line in lines:
        entry = json.loads(line)
        if entry.get("application_name") != "muster":
            continue
        said = re.match(r"(?:execute [^:]*|statement): (.*)", entry.get("message", ""), re.S)
        if not said:
            continue
        sql, session = said.group(1).strip(), entry["session_id"]
        if re.match(r"BEGIN", sql, re.I):
            begun[session] = []
        elif re.match(r"(COMMIT|ROLLBACK)", sql, re.I):
            done = begun.pop(session, [])
            if done and sql.upper().startswith("COMMIT"):
                yield done
        elif LEFT_OUT.search(sql):
            continue
        elif session in begun:
            begun[session].append([sql, values(entry.get("detail"))])
        else:
            yield [[sql, values(entry.get("detail"))]]


def literal(value):
    return "NULL" if value is None else "'" + value.replace("'", "''") + "'"


def script(transaction):
    lines, names = ["BEGIN;"], {}
    for sql, of in transaction:
        if sql not in names:
            names[sql] = f"s{len(names)}"
            lines.append(f"PREPARE {names[sql]} AS {sql};")
        args = f"({', '.join(map(literal, of))})" if of else ""
        lines.append(f"EXECUTE {names[sql]}{args};")
    return "\n".join(lines + ["ROLLBACK;"])


def main():
    split = sys.argv.index("--")
    psql = sys.argv[split + 1 :] + ["-qX", "-v", "ON_ERROR_STOP=1", "-o", "/dev/null"]
    seen, kept, refused = {}, 0, {}
    for log in sys.argv[1:split]:
        with open(log, encoding="utf-8", errors="replace") as lines:
            for transaction in transactions(lines):
                key = tuple(sql for sql, _ in transaction)
                said = json.dumps(transaction, ensure_ascii=False)
                if seen.get(key, 0) >= SAME or len(said) > MOST or refused.get(key, 0) >= 8:
                    continue
                done = subprocess.run(psql, input=script(transaction), text=True, capture_output=True)
                if done.returncode == 0:
                    seen[key] = seen.get(key, 0) + 1
                    kept += 1
                    print(said)
                else:
                    refused[key] = refused.get(key, 0) + 1
                    why = done.stderr.strip().splitlines()
                    print(f"{why[0] if why else 'refused'} [{key[0][:80]}]", file=sys.stderr)
    texts = {sql for key in seen for sql in key}
    print(f"{kept} transactions, {len(texts)} different statements", file=sys.stderr)


main()
