"""Pictures in, batches out: readers, order, labels, grids; no training policy."""
