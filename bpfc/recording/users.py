"""What the recorded machine calls its users: messages of alerts and second stages name them."""

import json
from collections.abc import Callable, Mapping

from attrs import define, field

from bpfc.artifact.decode import Record
from bpfc.recording.header import parse_object
from bpfc.userspace.users import user_name

MOST = 65_536  # users of a recording
# Fields that are ids of users: those of the catalogue (`id = "user"`).
USER_IDS = (
    *("proc.uid", "proc.euid", "proc.suid", "proc.fsuid", "proc.loginuid"),
    *("proc.parent.uid", "proc.parent.euid", "proc.prev.uid", "proc.prev.euid", "target.uid"),
    *("setuid.uid", "setuid.euid", "setuid.suid", "setuid.fsuid"),
    *("proc.exe.file.owner", "file.owner", "file.to.owner", "chown.owner"),
)


@define
class UserNames:
    """Looks up the name of each user that events mention, once.

    Args:
        tell: called with each name that was found, before the event is written.
    """

    tell: Callable[[Mapping[int, str]], None]
    _seen: set[int] = field(factory=set, init=False)

    def note(self, record: Record) -> None:
        """Look at an event.

        Args:
            record: of the ring.
        """
        for name in USER_IDS:
            read = record.plan.fields.get(name)
            uid = None if read is None else read(record)
            if isinstance(uid, int) and uid not in self._seen and len(self._seen) < MOST:
                self._seen.add(uid)
                if user := user_name(uid):
                    self.tell({uid: user})


def users_bytes(users: Mapping[int, str]) -> bytes:
    """Names as they stand in the file: JSON, UTF-8.

    Args:
        users: by id.
    """
    return json.dumps({str(uid): name for uid, name in users.items()}).encode()


def parse_users(data: bytes) -> dict[int, str]:
    """Read names.

    Args:
        data: JSON as `users_bytes` writes it.

    Returns:
        Names by id; nothing if it is something else.
    """
    try:
        return {int(uid): str(name) for uid, name in parse_object(data).items()}
    except (ValueError, RecursionError):
        return {}
