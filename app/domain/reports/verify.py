"""Proves a pack for auditors without the system it comes from: every digest and count is computed again.

    python3 verify.py pack.zip [--sha256 DIGEST]
    python3 verify.py FOLDER

Says which file is not what it was, and ends with 1; with 0 when everything is as the manifest says. It needs Python 3.9 or newer
and nothing else.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import struct
import sys
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Read = Callable[[str], bytes | None]

MANIFEST, SEAL = "manifest.json", "manifest.sha256"
# What reading a ZIP whose bytes were changed may end in.
DAMAGED = (zipfile.BadZipFile, zlib.error, struct.error, OSError, EOFError, KeyError, ValueError, RuntimeError)


def from_zip(path: Path) -> tuple[list[str], Read]:
    """The names of a ZIP's files, and how one is read; None for one that cannot be."""
    pack = zipfile.ZipFile(path)

    def read(name: str) -> bytes | None:
        try:
            return pack.read(name)
        except DAMAGED:
            return None

    return pack.namelist(), read


def from_folder(path: Path) -> tuple[list[str], Read]:
    """The names of a folder's files, and how one is read."""
    names = [one.relative_to(path).as_posix() for one in sorted(path.rglob("*")) if one.is_file()]

    def read(name: str) -> bytes | None:
        try:
            return (path / name).read_bytes()
        except OSError:
            return None

    return names, read


def wrongs(names: list[str], read: Read) -> Iterator[str]:
    """Everything that is not as it was."""
    said, seal = read(MANIFEST), read(SEAL)
    if said is None or seal is None:
        yield f"{MANIFEST if said is None else SEAL}: cannot be read"
        return
    if hashlib.sha256(said).hexdigest().encode() + b"\n" != seal:
        yield f"{MANIFEST}: is not the one that was sealed in {SEAL}"
    try:
        manifest = json.loads(said)
        found = list(altered(names, read, manifest["files"]))
        yield from found or contradictions(manifest, lambda name: rows(read(name) or b""), read)
    except (ValueError, KeyError, TypeError) as broke:
        yield f"{MANIFEST}: cannot be understood, or does not fit its files ({broke!r})"


def altered(names: list[str], read: Read, listed: list[dict[str, Any]]) -> Iterator[str]:
    """Files that are not those of the manifest."""
    known = {MANIFEST, SEAL, *(one["name"] for one in listed)}
    for name in sorted(set(names)):
        if name not in known:
            yield f"{name}: is not in the manifest"
        elif names.count(name) > 1:
            yield f"{name}: is there more than once"
    for one in listed:
        content = read(one["name"])
        if content is None:
            yield f"{one['name']}: is missing or cannot be read"
        elif len(content) != one["size"] or hashlib.sha256(content).hexdigest() != one["sha256"]:
            yield f"{one['name']}: is not what it was"


def rows(content: bytes) -> list[dict[str, str]]:
    """A table of the pack."""
    return list(csv.DictReader(io.StringIO(content.decode("utf-8"), newline="")))


def contradictions(manifest: dict[str, Any], table: Callable[[str], list[dict[str, str]]], read: Read) -> Iterator[str]:
    """Where the files do not say what the manifest says of them."""
    outcomes, totals = table("outcomes.csv"), manifest["totals"]
    qualified = [row["contact"] for row in outcomes if row["outcome"] == "qualified"]
    digest = hashlib.sha256(",".join(sorted(qualified)).encode()).hexdigest()
    if manifest["list_digest"] is not None and digest != manifest["list_digest"]:
        yield "outcomes.csv: those who qualified are not the list that was approved"
    counted = {
        name: sum(row["outcome"] == name for row in outcomes)
        for name in ("qualified", "not_qualified", "indeterminate")
    }
    counted["customers"] = len(outcomes)
    standing = {row["contact"]: row for row in table("overrides.csv") if not row["withdrawn_at"]}
    counted["overridden"] = len(standing)
    for name, number in counted.items():
        if number != totals[name]:
            yield f"outcomes.csv: {number} {name}, the manifest says {totals[name]}"
    for row in outcomes:
        expected = standing[row["contact"]]["outcome"] if row["contact"] in standing else row["calculated"]
        if row["outcome"] != expected:
            yield f"outcomes.csv: the outcome of {row['customer']} is neither the calculated nor an overriding one"
    if manifest["input_format"] > 1:
        yield from looked_at(manifest["input_hash"], table)
    yield from told(manifest, table, read)
    yield from chained(table("audit.csv"), table("audit_chain.csv"))


def looked_at(root: str, table: Callable[[str], list[dict[str, str]]]) -> Iterator[str]:
    """Whether the customers' digests make the month's, and the balances of the sample those of their customers."""
    inputs = sorted(table("inputs.csv"), key=lambda row: row["contact"])
    digests = {row["contact"]: row["digest"] for row in inputs}
    if (
        _digest(
            "|".join(filter(None, (row["contact"], row["digest"], row["opened_on"], row["accounts"]))) for row in inputs
        )
        != root
    ):
        yield "inputs.csv: is not what the month was calculated from"
    had: dict[str, list[str]] = {row["contact"]: [] for row in table("sample.csv")}
    for row in sorted(table("balances.csv"), key=lambda row: (row["day"], row["account"])):
        if row["is_judged"] == "True":
            had[row["contact"]].append(
                "|".join(filter(None, (row["day"], row["version"], row["amount"], row["account"])))
            )
    for contact, lines in had.items():
        if (_digest(lines) if lines else None) != digests.get(contact):
            yield f"balances.csv: what {contact} had is not what was judged"


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256(",".join(lines).encode()).hexdigest()


def told(manifest: dict[str, Any], table: Callable[[str], list[dict[str, str]]], read: Read) -> Iterator[str]:
    """Whether everybody who qualified has a message or a reason for none."""
    states: dict[str, int] = {}
    for row in table("messages.csv"):
        states[row["state"]] = states.get(row["state"], 0) + 1
    if states != manifest["messages"]:
        yield f"messages.csv: {states}, the manifest says {manifest['messages']}"
    without = json.loads(read("not_sent.json") or b"{}")["without_message"]
    if sum(states.values()) + sum(without.values()) != manifest["totals"]["qualified"]:
        yield "not_sent.json: messages and reasons do not add up to those who qualified"


def chained(entries: list[dict[str, str]], links: list[dict[str, str]]) -> Iterator[str]:
    """Whether every link of the audit chain holds the one before, and every entry hangs in it."""
    for place, link in enumerate(links[1:]):
        before = links[place]
        if int(link["seq"]) != int(before["seq"]) + 1 or link["previous"] != before["hash"]:
            yield f"audit_chain.csv: entry {link['seq']} does not follow the one before"
    known = {link["seq"]: (link["previous"], link["hash"]) for link in links}
    for entry in entries:
        if known.get(entry["seq"]) != (entry["previous"], entry["hash"]):
            yield f"audit.csv: entry {entry['seq']} does not hang in the chain"


def main(arguments: list[str]) -> int:
    """Verify what is named; 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description="Proves a pack for auditors.")
    parser.add_argument(
        "pack", type=Path, nargs="?", default=Path(), help="the ZIP, or the folder it was unpacked into"
    )
    parser.add_argument("--sha256", default="", help="the digest that the bank's system shows for the pack")
    asked = parser.parse_args(arguments)
    try:
        names, read = from_folder(asked.pack) if asked.pack.is_dir() else from_zip(asked.pack)
    except DAMAGED as broke:
        sys.stdout.write(f"{asked.pack}: {broke}\n")
        return 1
    found = list(wrongs(names, read))
    if asked.sha256:
        if asked.pack.is_dir():
            parser.error("--sha256 is of the ZIP, not of a folder")
        if hashlib.sha256(asked.pack.read_bytes()).hexdigest() != asked.sha256.strip().lower():
            found.append(f"{asked.pack}: is not the pack with this digest")
    said = "\n".join(found) if found else f"{len(names)} files: everything is as the manifest says."
    sys.stdout.write(said + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
