"""Pictures of what the files hold, for people."""
