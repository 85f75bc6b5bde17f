"""The tools over Streamable HTTP: guards, authentication, sessions, replay, pages."""
