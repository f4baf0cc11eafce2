"""`python -m picpxct_nx.cli` is the `picpxct` command."""

from .main import main

main()
