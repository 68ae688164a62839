// Inspect reads what was built for the Mac and says what is in it: every Mach-O
// of Latchkey.bundle and of the programs, by its load commands, exports, imports,
// segments and Objective-C classes. What it was not told to expect is a surprise,
// with its name, and fails the build. It reads bytes alone: it never runs, loads
// or changes what it looks at.
package main
