"""`python -m tests.trace.replay FILE`: run a saved trace again."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.trace.lockstep import Apart, compiled
from tests.trace.traces import replay, told


def main(arguments: list[str]) -> int:
    """Exit status 0 if all layers agree, 1 if not, 2 if the file is no trace."""
    if len(arguments) != 1:
        print("usage: python -m tests.trace.replay FILE", file=sys.stderr)
        return 2
    try:
        with compiled() as native:
            replay(json.loads(Path(arguments[0]).read_text(encoding="utf-8")), native)
    except Apart as apart:
        print(told(apart))
        return 1
    except (OSError, ValueError) as error:
        print(f"{arguments[0]}: not a trace that can be replayed: {error}", file=sys.stderr)
        return 2
    print("all layers agree")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
