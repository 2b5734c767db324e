"""The platform-neutral sensor: activate, swap, read alerts, statistics. See README.md."""
