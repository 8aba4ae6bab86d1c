"""Real processes: workers are killed with SIGKILL while they work, and every line must end at what Timus says."""
