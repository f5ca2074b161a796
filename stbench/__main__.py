"""`python -m stbench` is the command `stbench`."""

from stbench.cli.main import main

main()
