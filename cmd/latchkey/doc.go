// Command latchkey is the command line on the Mac: what the daemon says of
// itself, the factors of its accounts, and the device's certificate.
//
// Results go to standard output, all else to standard error with the prefix
// "latchkey:", without a capital and without a full stop; an error is followed
// by a line "hint:" that says what to do next. Exit codes: 0 done, 1 failed, 2
// wrong usage, 3 the answer is no (doctor found something).
package main
