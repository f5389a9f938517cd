"""How fast it is, against what this machine can do at all: `python -m tests.bench`.

Every number stands beside a limit or a peer that was measured in the same run, because ratios travel and absolute
figures do not. Nothing here asserts time; what is asserted is that the work was done.
"""
