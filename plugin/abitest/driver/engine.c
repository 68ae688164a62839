/* The callbacks of the host that the driver plays. */
#include "driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct record *record_of(AuthorizationEngineRef e)
{
    if (memcmp(e->guard, "alive", 6) != 0) {
        puts("FAULT a call with an engine that is gone");
        fflush(stdout);
        abort();
    }
    return e->record;
}

static bool fails(struct record *r, const char *function)
{
    return strcmp(r->fail, function) == 0;
}

static OSStatus set_result(AuthorizationEngineRef e, AuthorizationResult result)
{
    struct record *r = record_of(e);

    pthread_mutex_lock(&r->lock);
    r->results++;
    r->last = result;
    if (r->results > r->invocations)
        r->faults++;
    pthread_mutex_unlock(&r->lock);
    call_back(r);
    pthread_mutex_lock(&r->lock);
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    return fails(r, "SetResult") ? kAuthorizationInternal : kNoError;
}

static OSStatus did_deactivate(AuthorizationEngineRef e)
{
    struct record *r = record_of(e);

    pthread_mutex_lock(&r->lock);
    r->deactivations++;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    return fails(r, "DidDeactivate") ? kAuthorizationInternal : kNoError;
}

static OSStatus hand_out(struct value *v, const AuthorizationValue **out)
{
    if (!v->there)
        return kAuthorizationInternal;
    v->value.data = v->bytes;
    *out = &v->value;
    return kNoError;
}

static OSStatus get_context(AuthorizationEngineRef e, AuthorizationString key, AuthorizationContextFlags *flags,
                            const AuthorizationValue **out)
{
    struct record *r = record_of(e);

    if (strcmp(key, "uid") != 0)
        r->faults++; /* the plug-in reads nothing else */
    if (fails(r, "GetContextValue"))
        return kAuthorizationInternal;
    if (fails(r, "GetContextValue-null")) {
        *out = NULL;
        return kNoError;
    }
    *flags = kAuthorizationContextFlagVolatile;
    return hand_out(&r->uid, out);
}

static OSStatus set_context(AuthorizationEngineRef e, AuthorizationString key, AuthorizationContextFlags flags,
                            const AuthorizationValue *value)
{
    (void)key, (void)flags, (void)value;
    record_of(e)->faults++; /* the plug-in writes no context */
    return kNoError;
}

static OSStatus get_hint(AuthorizationEngineRef e, AuthorizationString key, const AuthorizationValue **out)
{
    struct record *r = record_of(e);

    if (strcmp(key, "dev.latchkey.ticket") != 0)
        r->faults++;
    return fails(r, "GetHintValue") ? kAuthorizationInternal : hand_out(&r->hint, out);
}

static OSStatus set_hint(AuthorizationEngineRef e, AuthorizationString key, const AuthorizationValue *value)
{
    struct record *r = record_of(e);

    if (strcmp(key, "dev.latchkey.ticket") != 0 || value->length > VALUE_MAX)
        r->faults++;
    if (fails(r, "SetHintValue"))
        return kAuthorizationInternal;
    pthread_mutex_lock(&r->lock);
    if (value->length <= VALUE_MAX) {
        r->hint.there = true;
        r->hint.value.length = value->length;
        if (value->length)
            memcpy(r->hint.bytes, value->data, value->length);
    }
    pthread_mutex_unlock(&r->lock);
    return kNoError;
}

/* Callbacks that the plug-in has no business with. */
static OSStatus meddling(AuthorizationEngineRef e)
{
    record_of(e)->faults++;
    return kAuthorizationInternal;
}

static OSStatus get_arguments(AuthorizationEngineRef e, const AuthorizationValueVector **out)
{
    (void)out;
    return meddling(e);
}

static OSStatus get_session(AuthorizationEngineRef e, AuthorizationSessionId *out)
{
    (void)out;
    return meddling(e);
}

static OSStatus get_immutable(AuthorizationEngineRef e, AuthorizationString key, const AuthorizationValue **out)
{
    (void)key, (void)out;
    return meddling(e);
}

struct long_callbacks callbacks = {
    .known = {
        .SetResult = set_result,
        .RequestInterrupt = meddling,
        .DidDeactivate = did_deactivate,
        .GetContextValue = get_context,
        .SetContextValue = set_context,
        .GetHintValue = get_hint,
        .SetHintValue = set_hint,
        .GetArguments = get_arguments,
        .GetSessionId = get_session,
        .GetImmutableHintValue = get_immutable,
    },
};
