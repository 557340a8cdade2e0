"""The pictures of a folder."""
