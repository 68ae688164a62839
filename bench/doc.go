// Bench measures what docs/performance.md claims, on the real daemon, the real
// plug-in and the real store, and prints one table. It knows how to start them
// and how to time them from outside. It writes nothing that stays, and a figure
// past its target is told, never a failure: a machine may be busy.
package main
