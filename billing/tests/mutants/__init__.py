"""Mistakes that ledgers have really made (G22), each put into a copy of the tree where a named test must catch it."""
