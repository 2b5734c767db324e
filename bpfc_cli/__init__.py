"""The command line: one module a command group. See README.md."""
