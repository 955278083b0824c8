"""What goes over all papers: the rows that they show and claim, the metrics that all
systems can be held to, and one small model that answers four of them. Used on the page
"Every row", in the chapter "Side by side", and by the command ``score``.
"""
