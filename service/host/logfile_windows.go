package host

// noFollow has no meaning here: the folder of the log keeps others out.
const noFollow = 0
