"""Reads, shaped as pages and services need them."""
