"""Names of this machine's users."""

import pwd

from bpfc.userspace.users import user_name


def test_names() -> None:
    for one in pwd.getpwall():
        assert user_name(one.pw_uid) == pwd.getpwuid(one.pw_uid).pw_name
    known = {one.pw_uid for one in pwd.getpwall()}
    nobody = next(uid for uid in range(3_000_000, 3_100_000) if uid not in known)
    assert user_name(nobody) is None
    assert user_name((1 << 64) - 1) is None
