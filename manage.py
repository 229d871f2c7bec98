"""Start, test and measure Carillon: python3 manage.py up | test | bench | stop | organisation."""

import sys

if sys.version_info < (3, 11):
    sys.exit(
        "Carillon needs Python 3.11 or newer and this is Python %d.%d: install a newer one (Debian and Ubuntu: "
        "apt-get install python3.11) and start with it, for example python3.11 manage.py up" % sys.version_info[:2]
    )
if not sys.platform.startswith("linux"):
    sys.exit("This launcher works on Linux: on Windows use WSL, elsewhere a Linux container or machine")

from ops.launcher.verbs import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
