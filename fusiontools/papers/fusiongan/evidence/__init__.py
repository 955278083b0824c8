"""What the FusionGAN chapter shows and claims: the paper's numbers beside ours."""
