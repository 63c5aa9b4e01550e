"""The service that pulls the samples of every run until all are stored or missing."""
