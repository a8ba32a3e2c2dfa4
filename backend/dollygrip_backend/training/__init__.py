"""Training commands: each reads a TOML configuration and writes weights with their card."""
