/* What the two halves of the driver share: the record of what a mechanism did,
 * and the callbacks that write it. */
#ifndef LATCHKEY_DRIVER_H
#define LATCHKEY_DRIVER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "../../abi/authorization_plugin.h"

enum { MECHANISMS = 16, VALUE_MAX = 128 };

struct value {
    bool there;
    uint8_t bytes[VALUE_MAX];
    AuthorizationValue value;
};

/* What a mechanism did, kept apart from its engine so that it can be read
 * after the engine is freed. */
struct record {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned results, taken, deactivations, faults, invocations;
    AuthorizationResult last;
    struct value hint, uid;
    AuthorizationMechanismRef mechanism;
    AuthorizationEngineRef engine;
    char fail[32], reenter[32];
};

struct OpaqueAuthorizationEngine {
    struct record *record;
    char guard[64]; /* checked, so that a freed engine is noticed even without a sanitizer */
};

/* Newer hosts hand out a longer table. */
struct long_callbacks {
    AuthorizationCallbacks known;
    void *later[8];
};

extern struct long_callbacks callbacks;

/* What a host may do from inside SetResult, as the record says. */
void call_back(struct record *r);

#endif
