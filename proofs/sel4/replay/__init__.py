"""Recordings of the real seL4 kernel, replayed on every layer: what `refine replay` does for this kernel.

- `recording` reads a file, with addresses (`names`) and capabilities as words (`words`);
- `start` makes of it the state to begin with, which every layer is given: `spec` and `executable` (what they share is
  in `python_layer`), and `c`, evaluated or compiled; `machine` says what layers have in common;
- `stepping` plays the threads' programs, `support` knows what cannot be replayed yet, `comparing` compares;
- `replayer` puts it together, for the compiled kernel in a process of its own (`apart`), and `rule` finds what in the
  specification decided where something is different.
"""
