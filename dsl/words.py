"""Words of the language that are data: metadata keys, actions, planned words, error names."""

# Key -> whether a rule may give it more than once.
METADATA = {
    "id": False,
    "revision": False,
    "status": False,
    "title": False,
    "description": False,
    "severity": False,
    "mitre": True,
    "reference": True,
    "author": True,
    "tag": True,
}
SEVERITIES = ("critical", "high", "medium", "low", "info")
STATUSES = ("experimental", "test", "stable", "deprecated")
MODES = ("enforce", "audit")
FALLBACKS = ("refuse", "kill", "alert")
KILL_TARGETS = ("proc", "proc.parent")
SUFFIXES = ("nocase", "exact")

# Words of later language versions: what a user who writes one has to know is that it is no slip.
PLANNED_CLAUSES = frozenset({"limit"})

# What `deny` may answer: Linux error numbers (include/uapi/asm-generic/errno-base.h, errno.h). All
# are small enough for a pointer-error return, none restarts the system call.
DENY_ERRNOS: dict[str, int] = {
    "EPERM": 1,
    "ENOENT": 2,
    "ESRCH": 3,
    "EIO": 5,
    "ENXIO": 6,
    "E2BIG": 7,
    "ENOEXEC": 8,
    "EAGAIN": 11,
    "ENOMEM": 12,
    "EACCES": 13,
    "EBUSY": 16,
    "ENODEV": 19,
    "ENOTDIR": 20,
    "EINVAL": 22,
    "EMFILE": 24,
    "ETXTBSY": 26,
    "ENOSPC": 28,
    "EROFS": 30,
    "ENOSYS": 38,
    "ELOOP": 40,
    "ENETDOWN": 100,
    "ENETUNREACH": 101,
    "ETIMEDOUT": 110,
    "ECONNREFUSED": 111,
    "EHOSTUNREACH": 113,
}
DEFAULT_ERRNO = "EPERM"
