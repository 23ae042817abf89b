"""``python -m ghanti.simulator.phones``"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from ghanti.simulator.phones.bank import Options, PhonesUnavailableError, run


def main() -> None:
    parser = argparse.ArgumentParser("ghanti.simulator.phones", description="Simulated phones over SIP.")
    parser.add_argument("--address", default="127.0.0.1", help="IPv4 address of SIP and RTP")
    parser.add_argument("--port", type=int, default=0, help="UDP port of SIP; 0 lets the kernel choose")
    parser.add_argument("--recordings", type=Path, required=True, help="folder for what phones hear")
    parser.add_argument("--log", type=Path, required=True, help="file of JSON lines, appended to")
    parser.add_argument("--ring-seconds", type=float, default=1.0, help="ringing before a phone answers")
    parser.add_argument("--rtp-timeout", type=int, default=8, help="seconds without RTP before hanging up")
    parser.add_argument("--calls", type=int, default=250, help="calls at once; more are answered 503")
    parser.add_argument("--starts", type=float, default=20.0, help="starts a second; more are answered 503")
    parser.add_argument("--voice", type=Path, help="WAV file that answered phones say, rather than a tone")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        run(Options(**vars(arguments)))
    except PhonesUnavailableError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
