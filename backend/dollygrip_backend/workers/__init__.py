"""Worker processes: one for each device, which hold the models and do the jobs."""
