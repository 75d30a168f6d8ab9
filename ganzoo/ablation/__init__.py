"""Many runs of one grid on this machine: their plan, their processes, their report."""
