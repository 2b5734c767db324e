"""Values that only user space knows, for the second stage of a rule; see README.md."""
