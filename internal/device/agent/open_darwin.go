package agent

// opener opens a file with the program that the person has chosen for its kind.
const opener = "/usr/bin/open"
