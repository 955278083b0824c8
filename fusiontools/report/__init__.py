"""What all evidence shares: records become rows, and rows become tables, claims, goals and
figures; experiments make the records. It knows no paper. Used in chapters 3, 4, 5, 6 and 7.
"""
