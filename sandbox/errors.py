class SandboxError(Exception):
    """Something a developer can put right; the message says how."""
