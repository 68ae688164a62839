/* One invocation of a mechanism, as the C side sees it. */
#ifndef LATCHKEY_INVOCATION_H
#define LATCHKEY_INVOCATION_H

#include <stdbool.h>

#include "abi/authorization_plugin.h"
#include "lifecycle.h"

/* The functions of the host that the plug-in uses. All of them are in every
 * version of the callbacks, so that no version needs to be refused. */
struct host {
    OSStatus (*set_result)(AuthorizationEngineRef, AuthorizationResult);
    OSStatus (*did_deactivate)(AuthorizationEngineRef);
    OSStatus (*get_context)(AuthorizationEngineRef, AuthorizationString, AuthorizationContextFlags *,
                            const AuthorizationValue **);
    OSStatus (*get_hint)(AuthorizationEngineRef, AuthorizationString, const AuthorizationValue **);
    OSStatus (*set_hint)(AuthorizationEngineRef, AuthorizationString, const AuthorizationValue *);
};

/* A new invocation with one reference, or NULL when there is no memory. */
struct invocation *invocation_new(const struct host *, AuthorizationEngineRef, enum mechanism_kind);
void invocation_retain(struct invocation *);
void invocation_release(struct invocation *);

/* Reads what is asked from the host, arms the deadline and starts the Go side.
 * Whatever fails ends in a delivered Deny. */
void invocation_start(struct invocation *);

/* Gives the outcome to the host, unless the invocation is over already. */
void invocation_deliver(struct invocation *, const struct outcome *);

/* Ends the invocation without a word to the host, whose engine is about to go.
 * When it returns, no call to the host is under way or will follow, except on
 * the calling thread. */
void invocation_abandon(struct invocation *);

bool invocation_over(struct invocation *);

#endif
