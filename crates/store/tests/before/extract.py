"""Prints the query texts of a version's `store` crate, each on a line as JSON: [name, text]. Usage: extract.py COMMIT, in a checkout."""

import json
import re
import subprocess
import sys

STRING = r'"((?:[^"\\]|\\.)*)"'


def git(*words):
    return subprocess.run(["git", *words], check=True, capture_output=True, text=True).stdout


def unquoted(text):
    text = re.sub(r"\\\n\s*", "", text)
    return text.replace('\\"', '"').replace("\\\\", "\\")


def value(expression, macros):
    """A literal, or concat! of literals, of macros that are literals, and of such lists of columns with something before each."""
    out = ""
    for macro, before, literal in re.findall(r"([a-z_]+)!\((?:" + STRING + r")?\)|" + STRING, expression, re.S):
        if macro and before:
            out += ", ".join(before + column for column in macros[macro].split(", "))
        else:
            out += macros[macro] if macro else unquoted(literal)
    return out


def macros_of(source, macros):
    for name, body in re.findall(r"macro_rules! ([a-z_]+) \{\s*\(\) => \{([^{}]*)\}", source, re.S):
        macros[name] = value(body, macros)
    return macros


commit = sys.argv[1]
sources = {path: git("show", f"{commit}:{path}") for path in git("ls-tree", "--full-tree", "-r", "--name-only", commit, "crates/store/src").split()}
for path, source in sources.items():
    # A module sees the macros of the one above it.
    macros = macros_of(source, macros_of(sources.get(path.rsplit("/", 1)[0] + ".rs", ""), {}))
    for block in re.findall(r"^queries! \{\n(.*?)^\}", source, re.S | re.M):
        for name, expression in re.findall(r"^    ([A-Z_0-9]+) =(.*?);$", block, re.S | re.M):
            module = path.removeprefix("crates/store/src/").removesuffix(".rs").replace("/", "::")
            try:
                print(json.dumps([f"{module}::{name}", value(expression, macros)]))
            except KeyError as macro:
                print(f"{module}::{name} is left out: it uses {macro}", file=sys.stderr)
