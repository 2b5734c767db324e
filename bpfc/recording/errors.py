"""The one error that writing or reading a recording can end in.

The codes' long explanations stand in `codes.toml`.
"""

from bpfc.artifact.errors import ArtifactError


class RecordingError(ArtifactError):
    """A recording that cannot be used, in a form that can be shown as it is; BPFC094x."""
