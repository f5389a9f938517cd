"""The recovery menu and what it shows; the flags of `eventsrc recover` do and show the same.

One loop, no recursion: every choice comes back to the list, and an error is told and changes nothing.
"""
