"""Recordings of events: written on one machine, judged again anywhere. See README.md."""
