package main

// certificateElsewhere is why this machine gets no certificate by a command.
const certificateElsewhere = "on a Mac the MDM brings the certificate, with its key in the System keychain: use its SCEP payload at the computer level"
