"""What the command line may say."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.launcher.problem import ROOT

PORT = 8000
TEST = {
    "fast": "without story and browser tests",
    "coverage": "fail where the tests run too little of the code",
    "mutate": "change the code (of approvals, consent ...) and say which changes no test notices",
}


@dataclass(frozen=True)
class Options:
    """The command line of one call."""

    verb: str
    data: Path = ROOT / "var"
    host: str = "127.0.0.1"
    port: int = PORT
    no_demo: bool = False
    empty: bool = False
    no_sandbox: bool = False
    fast: bool = False
    coverage: bool = False
    mutate: bool = False
    rest: tuple[str, ...] = ()
    name: str = ""
    email: str = ""
    admin: str = ""
    second_email: str = ""
    second_admin: str = ""


def parse(words: list[str]) -> Options:
    """Read the command line; argparse itself answers --help and mistakes."""
    if words[:1] == ["test"] and not {"-h", "--help"} & set(words):
        return of_tests(words[1:])
    parser = argparse.ArgumentParser(prog="manage.py", description="Start, test and measure Carillon.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="up | test | bench | stop | organisation | lock")
    up = verbs.add_parser("up", help="start everything and keep it running until Ctrl-C")
    data(up)
    up.add_argument("--host", default=Options.host, help="address to listen on (default: this machine only)")
    up.add_argument("--port", type=port, default=PORT, help=f"port of the web (default {PORT})")
    up.add_argument("--no-demo", action="store_true", help="do not load the demo organisation")
    up.add_argument("--empty", action="store_true", help="load the demo organisation without customers and campaigns")
    up.add_argument("--no-sandbox", action="store_true", help="do not start the little local providers")
    data(verbs.add_parser("stop", help="stop what runs on a data folder"))
    made = verbs.add_parser("organisation", help="make an organisation and its two owners, while up is running")
    data(made)
    made.add_argument("--name", required=True, help="name of the organisation")
    made.add_argument("--email", required=True, help="e-mail address the first owner signs in with")
    made.add_argument("--admin", required=True, help="name of the first owner")
    made.add_argument("--second-email", required=True, help="e-mail address the second owner signs in with")
    made.add_argument("--second-admin", required=True, help="name of the second owner: rights are given by two people")
    test = verbs.add_parser("test", help="check and test everything, on servers of its own")
    for word, what in TEST.items():
        test.add_argument(f"--{word}", action="store_true", help=what)
    test.add_argument("rest", nargs="*", metavar="PATH", help="only these tests (or any other words for pytest)")
    bench = verbs.add_parser("bench", help="measure speed against the targets, on servers of its own")
    bench.add_argument("rest", nargs="*", metavar="NAME", help="only these rows")
    verbs.add_parser("lock", help="write the lock files anew, after a change of the requirements")
    values = vars(parser.parse_args(words))
    return Options(**values | {"rest": tuple(values.get("rest", ()))})


def of_tests(words: list[str]) -> Options:
    """What follows `test`: our own words, and pytest's in their order, which argparse would sort."""
    said: dict[str, Any] = {word: f"--{word}" in words for word in TEST}
    return Options("test", rest=tuple(word for word in words if word not in {f"--{own}" for own in TEST}), **said)


def data(parser: argparse.ArgumentParser) -> None:
    """Add --data."""
    parser.add_argument("--data", type=Path, default=Options.data, help="data folder (default: var/ in the checkout)")


def port(word: str) -> int:
    """A port number."""
    number = int(word) if word.isdigit() else 0
    if not 1 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"{word} is not a port: give a number from 1 to 65535")
    return number
