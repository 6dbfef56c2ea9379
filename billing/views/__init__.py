"""Pages of billing: each view reads the request, calls one service or selector, and answers."""
