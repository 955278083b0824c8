"""Trained models that only judge.

Each is trained on songs that no generator learns from, and shows its held-out accuracy.
"""
