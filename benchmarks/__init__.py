"""What the project promises in numbers, and what this machine says to each: `python -m
benchmarks`.
"""
