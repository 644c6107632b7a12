"""Crews' tablets coming back into coverage, many at once, on a bad network; and a check that nothing went wrong.

The tablets are real ones (fieldsync.tablet), the server is a real one, reached over HTTP. What is simulated is the
people, the clock (hours offline pass at once) and the network's faults. The seed decides what everybody does and which
faults strike; what they meet with depends on how the requests fall in with each other, and differs from run to run.
"""
