"""What a recording policy and those who read its records must agree on."""

# Tags and the table of processes live on these: without them a replay would not know what was.
LIFE = ("process.fork", "process.exec", "process.exit")
RULE_PREFIX = "record_"  # of the names of a recording policy's rules
