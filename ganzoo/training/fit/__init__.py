"""What a recipe needs of this machine, measured: memory, time, disk, and the share that fits."""
