"""`python -m stbench` is the command `stbench`."""

from stbench.cli.main import main

if __name__ == "__main__":
    main()
