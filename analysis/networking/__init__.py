"""What passes between two hosts: latencies."""
