"""The kit for tests, ours and yours: a clock whose hands you turn, disks that fail and forget, generated streams.

*Must never know*: which test uses it. *What survives a crash here*: nothing; it is made to be thrown away.
"""
