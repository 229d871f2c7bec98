"""`python -m sandbox --http-port N --smtp-port M --data DIR`."""

import argparse
import asyncio
import tempfile
from pathlib import Path

from sandbox.server import Options, Sandbox

SECRET = "sandbox-secret"  # noqa: S105 - of the demonstration: everybody may know it


def main() -> None:
    """Read the options and serve until told to stop."""
    parser = argparse.ArgumentParser(
        prog="sandbox", description="Local SMS carrier, core bank, and SMTP sink with a mailbox page."
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument(
        "--http-port", type=int, required=True, help="port of the carrier, the core bank, the mailbox and the orders"
    )
    parser.add_argument("--smtp-port", type=int, required=True, help="port of the SMTP sink")
    parser.add_argument("--data", type=Path, help="folder to keep what was received; without it all is forgotten")
    parser.add_argument("--secret", default=SECRET, help="the bearer secret of carrier and core bank")
    parser.add_argument("--callback-secret", default=SECRET, help="the key receipts are signed with")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        options = Options(
            host=given.host,
            http_port=given.http_port,
            smtp_port=given.smtp_port,
            data=given.data or Path(temporary),
            secret=given.secret,
            callback_secret=given.callback_secret,
        )
        asyncio.run(Sandbox(options).serve())


if __name__ == "__main__":
    main()
