"""What is broken, doubtful or worth knowing of each run."""
