"""The owner's settings: defaults < config.toml < environment < command line."""
