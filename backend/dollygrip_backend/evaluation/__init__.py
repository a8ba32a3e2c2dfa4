"""Measured quality: the geometric judge, and the commands that print and save the figures."""
