"""The server process: one socket for clients, the queue, the workers. It never loads torch."""
