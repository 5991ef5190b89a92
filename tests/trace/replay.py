"""`python -m tests.trace.replay FILE`: run a saved trace again."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from impl.c.native import Native
from impl.sel4.program import program, sources
from tests.trace.lockstep import replay


def main(arguments: list[str]) -> int:
    """Exit status 0 if all layers agree, 1 if not, 2 if the file is no trace."""
    if len(arguments) != 1:
        print("usage: python -m tests.trace.replay FILE", file=sys.stderr)
        return 2
    try:
        with Native(program(), sources()) as native:
            replay(json.loads(Path(arguments[0]).read_text(encoding="utf-8")), native)
    except AssertionError as error:
        print(error)
        return 1
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"{arguments[0]}: not a trace that can be replayed: {error}", file=sys.stderr)
        return 2
    print("all layers agree")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
