/*
 * The life cycle of the plug-in: what the C side and the Go side say to each
 * other. C owns every call to the host and from it; Go is asked one question
 * for each invocation, on a thread of its own, and returns an outcome.
 */
#ifndef LATCHKEY_LIFECYCLE_H
#define LATCHKEY_LIFECYCLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TICKET_SIZE = 16 };

enum mechanism_kind {
    MECHANISM_UNKNOWN, /* decided in Invoke, by Deny */
    MECHANISM_PROMPT,
    MECHANISM_GATE,
    MECHANISM_REHEARSAL, /* of a private right, before the login window is armed */
};

/* One MechanismInvoke, from there until its result. Counted references: it
 * outlives its mechanism while a thread still works for it. */
struct invocation;

/* What the host said before anything was asked. */
struct question {
    enum mechanism_kind kind;
    uint32_t uid;
    size_t ticket_size; /* TICKET_SIZE or 0 */
    uint8_t ticket[TICKET_SIZE];
};

/* What Go decided. Zeroed, it is a refusal. */
struct outcome {
    int allow;
    size_t ticket_size; /* TICKET_SIZE or 0 */
    uint8_t ticket[TICKET_SIZE];
};

/* Called from Go. */

/* Moves the deadline of the invocation to this many seconds from now. */
void invocation_alive(struct invocation *, unsigned seconds);
/* Has latchkeyOver called with asker, which is not 0, once nobody waits for an
 * outcome any longer: it was delivered, or the mechanism was deactivated or
 * destroyed. Returns false, and does nothing, when that is so already. */
bool invocation_tell(struct invocation *, uintptr_t asker);

/* In Go: decides. The pointers are valid until it returns. */
extern void latchkeyDecide(struct invocation *, struct question *, struct outcome *);
/* In Go: the outcome is not waited for any longer. Called once for each asker,
 * on a thread of its own. */
extern void latchkeyOver(uintptr_t asker);

#endif
