"""Recordings of the real seL4 kernel, replayed on every layer: what `refine replay` does for this kernel.

`recording` reads a file, `start` makes of it the state to begin with; `spec`, `executable` and `c` are the layers, each
with that state (`machine` says what they have in common); `stepping` plays the user programs, `support` knows what
cannot be replayed yet, `comparing` compares, `rule` finds what in the specification decided, and `replayer` puts it all
together.
"""
