"""How good the samples of a run are: pictures in, numbers out; a sibling of training."""
