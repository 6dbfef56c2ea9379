"""Start-up checks: production refuses to start unsafely."""
