"""What a timeline shows, as data: lanes, bars, marks, words, folds. Renderers only paint it."""
