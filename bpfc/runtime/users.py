"""What this machine calls its users."""

from functools import lru_cache

KEPT = 4096  # names of users; looking one up may ask a directory in the network


@lru_cache(maxsize=KEPT)
def user_name(uid: int) -> str | None:
    """The name of a user.

    Args:
        uid: the user's id.

    Returns:
        None if there is no such user here, or no such ids at all.
    """
    try:
        import pwd
    except ImportError:
        return None
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError, OSError):
        return None
