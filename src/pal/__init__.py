"""Positive Active Learning."""
