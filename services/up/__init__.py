"""Run the archive's processes: one by one in a cluster, or all of the embedded archive in one group."""
