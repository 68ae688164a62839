package main

// certificateElsewhere is why this machine gets no certificate by a command:
// for none.
const certificateElsewhere = ""
