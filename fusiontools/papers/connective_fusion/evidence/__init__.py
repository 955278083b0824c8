"""What the Connective Fusion chapter shows and claims: the paper's numbers beside ours."""
