"""Examples are judged by what they give, not by how long a busy machine takes."""

from hypothesis import settings

settings.register_profile("unhurried")
settings.load_profile("unhurried")
