"""What was measured between two hosts: bitrates, latencies, message rates."""
