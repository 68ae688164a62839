// Package session runs login conversations: it carries out the engine's
// effects, runs factors, keeps what has to last, and gives the tickets that
// the gate exchanges for a decision.
//
// It knows which conversation of an account is the one that counts, and the
// life of a ticket (design §8). It must never answer before what the answer
// rests on is on the disk, save for an exempt allow, and never take a prompt's
// word for anything but what was typed.
package session
