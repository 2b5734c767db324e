"""The recorder notes the names of all users that events mention."""

from bpfc.recording.users import USER_IDS
from dsl.catalogue import load


def test_all_ids_of_the_catalogue_are_noted() -> None:
    ids = {f.name for event in load().events for f in event.fields if f.id == "user"}
    assert set(USER_IDS) == ids and len(USER_IDS) == len(ids)
