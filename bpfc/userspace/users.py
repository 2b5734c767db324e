"""What this machine calls its users and groups."""

from functools import lru_cache

KEPT = 4096  # names of users; looking one up may ask a directory in the network


def find_user(uid: int) -> str | None:
    """Look up the name of a user.

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


def find_group(gid: int) -> str | None:
    """Look up the name of a group.

    Args:
        gid: the group's id.

    Returns:
        None if there is no such group here, or no such ids at all.
    """
    try:
        import grp
    except ImportError:
        return None
    try:
        return grp.getgrgid(gid).gr_name
    except (KeyError, OverflowError, OSError):
        return None


@lru_cache(maxsize=KEPT)
def user_name(uid: int) -> str | None:
    """The name of a user, looked up once.

    Args:
        uid: the user's id.

    Returns:
        None if there is no such user here, or no such ids at all.
    """
    return find_user(uid)
