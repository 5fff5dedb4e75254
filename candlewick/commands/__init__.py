"""The commands: a module each, or a few that belong together; each adds itself by `register(app)`."""
