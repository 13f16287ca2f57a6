"""What happens to footage, one verb a file. Each step is skipped when done and may be killed anywhere."""
