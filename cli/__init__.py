"""The ``picpxct`` command line: one file a command, each reads, makes one pure call, and writes."""
