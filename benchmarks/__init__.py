"""Reproducible measurements, each against its floor and a peer, in one run: `make bench`. README.md has the results."""
