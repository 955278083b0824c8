"""The papers: one subpackage each, with its method; its evidence is in a folder within."""
