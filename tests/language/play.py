"""Playing cases, here or in a guest: that is what `bpfc test` does."""

from bpfc_cli.testing.play import Played, Step, Work, main, play, play_all

__all__ = ["Played", "Step", "Work", "main", "play", "play_all"]
