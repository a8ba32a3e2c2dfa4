"""Durable jobs: what was asked for, how far it got, what came out. No torch."""
