"""What the evidence of every paper shares: records become rows, and rows become tables,
claims, goals and figures; experiments make the records. It knows no paper.

Used in every chapter's page "Measured", and by the command.
"""
