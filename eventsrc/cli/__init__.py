"""What a person types. The only room that prints: data to stdout, messages to stderr.

One file per command group. Commands ask the service over its Unix socket when one runs, and work on the files alone
when none does. Heavy modules are imported by the command that needs them, so that `--version` and `--help` are quick.

*Must never know*: how anything is stored; it asks the rooms.

*What survives a crash here*: nothing is kept here.
"""
