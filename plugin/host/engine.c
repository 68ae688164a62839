#include "host.h"

#include <stdlib.h>
#include <string.h>

/* ---- life ---- */

struct OpaqueAuthorizationEngine *engine_new(uint32_t id)
{
    struct OpaqueAuthorizationEngine *e = calloc(1, sizeof *e);
    if (!e || pthread_mutex_init(&e->lock, NULL))
        die("no memory for a mechanism");
    e->id = id;
    return e;
}

static void arguments_free(AuthorizationValueVector *v)
{
    for (uint32_t n = 0; n < v->count; n++)
        free(v->values[n].data);
    free(v->values);
    memset(v, 0, sizeof *v);
}

static void arguments_read(AuthorizationValueVector *v, struct reader *r)
{
    arguments_free(v);
    uint32_t count = read_u32(r);
    if (r->bad || count > ARGUMENTS_MAX) {
        r->bad = true;
        return;
    }
    v->values = calloc(count ? count : 1, sizeof *v->values);
    if (!v->values)
        die("no memory for arguments");
    for (; v->count < count && !r->bad; v->count++) {
        size_t length;
        const uint8_t *data = read_bytes(r, &length);
        AuthorizationValue *one = &v->values[v->count];
        one->data = malloc(length ? length : 1);
        if (!one->data)
            die("no memory for an argument");
        if (length)
            memcpy(one->data, data, length);
        one->length = length;
    }
}

bool engine_prepare(struct OpaqueAuthorizationEngine *e, struct reader *r)
{
    pthread_mutex_lock(&e->lock);
    bool pending = e->awaiting_result;
    if (!pending) {
        store_read(&e->hints, r);
        store_read(&e->context, r);
        store_read(&e->immutable, r);
        arguments_read(&e->arguments, r);
        e->awaiting_result = !r->bad;
    }
    pthread_mutex_unlock(&e->lock);
    return !pending;
}

/* After MechanismDestroy nothing is handed out any more, but the engine itself
 * stays. */
void engine_forget(struct OpaqueAuthorizationEngine *e)
{
    pthread_mutex_lock(&e->lock);
    e->destroyed = true;
    e->interface = NULL;
    e->awaiting_result = e->awaiting_deactivate = false;
    store_free(&e->hints);
    store_free(&e->context);
    store_free(&e->immutable);
    arguments_free(&e->arguments);
    pthread_mutex_unlock(&e->lock);
}

void engine_fault(struct OpaqueAuthorizationEngine *e, const char *text)
{
    struct writer w;

    write_begin(&w, OP_FAULT);
    write_u32(&w, e->id);
    write_text(&w, text);
    write_send(&w);
}

/* ---- what plug-ins call ---- */

static OSStatus set_result(AuthorizationEngineRef e, AuthorizationResult result)
{
    struct writer w;

    if (!e)
        return kAuthorizationInvalidRef;
    pthread_mutex_lock(&e->lock);
    bool expected = e->awaiting_result, destroyed = e->destroyed;
    e->awaiting_result = false;
    if (expected) {
        write_begin(&w, OP_RESULT);
        write_u32(&w, e->id);
        write_u32(&w, result);
        store_write(&e->hints, &w);
        store_write(&e->context, &w);
    }
    pthread_mutex_unlock(&e->lock);
    if (expected)
        write_send(&w);
    else
        engine_fault(e, destroyed ? "SetResult after MechanismDestroy" : "SetResult for nothing: no invocation waits for a result");
    return expected ? kNoError : kAuthorizationInternal;
}

static OSStatus request_interrupt(AuthorizationEngineRef e)
{
    struct writer w;

    if (!e)
        return kAuthorizationInvalidRef;
    write_begin(&w, OP_INTERRUPT);
    write_u32(&w, e->id);
    write_send(&w);
    return kNoError;
}

static OSStatus did_deactivate(AuthorizationEngineRef e)
{
    struct writer w;

    if (!e)
        return kAuthorizationInvalidRef;
    pthread_mutex_lock(&e->lock);
    bool expected = e->awaiting_deactivate;
    e->awaiting_deactivate = false;
    if (expected)
        e->awaiting_result = false; /* what was stopped owes no result, and may be invoked again */
    pthread_mutex_unlock(&e->lock);
    if (!expected) {
        engine_fault(e, "DidDeactivate without MechanismDeactivate");
        return kAuthorizationInternal;
    }
    write_begin(&w, OP_DEACTIVATED);
    write_u32(&w, e->id);
    write_send(&w);
    return kNoError;
}

static OSStatus get(AuthorizationEngineRef e, struct store *s, AuthorizationString key, AuthorizationContextFlags *flags,
                    const AuthorizationValue **out)
{
    if (!e)
        return kAuthorizationInvalidRef;
    if (!key || !out)
        return kAuthorizationInvalidPointer;
    *out = NULL;
    pthread_mutex_lock(&e->lock);
    const struct entry *found = store_get(s, key);
    if (found) {
        *out = &found->value;
        if (flags)
            *flags = found->flags;
    }
    pthread_mutex_unlock(&e->lock);
    return found ? kNoError : kAuthorizationInternal; /* as authd answers for a key that is not there */
}

static OSStatus set(AuthorizationEngineRef e, struct store *s, AuthorizationString key, AuthorizationContextFlags flags,
                    const AuthorizationValue *value)
{
    if (!e)
        return kAuthorizationInvalidRef;
    if (!key || !value || (!value->data && value->length))
        return kAuthorizationInvalidPointer;
    pthread_mutex_lock(&e->lock);
    bool done = !e->destroyed && store_set(s, key, flags, value->data, value->length);
    bool destroyed = e->destroyed;
    pthread_mutex_unlock(&e->lock);
    if (destroyed)
        engine_fault(e, "a value set after MechanismDestroy");
    return done ? kNoError : kAuthorizationInternal;
}

static OSStatus unset(AuthorizationEngineRef e, struct store *s, AuthorizationString key)
{
    if (!e)
        return kAuthorizationInvalidRef;
    if (!key)
        return kAuthorizationInvalidPointer;
    pthread_mutex_lock(&e->lock);
    store_remove(s, key);
    pthread_mutex_unlock(&e->lock);
    return kNoError;
}

static OSStatus get_context(AuthorizationEngineRef e, AuthorizationString key, AuthorizationContextFlags *flags,
                            const AuthorizationValue **out)
{
    return get(e, e ? &e->context : NULL, key, flags, out);
}

static OSStatus set_context(AuthorizationEngineRef e, AuthorizationString key, AuthorizationContextFlags flags,
                            const AuthorizationValue *value)
{
    return set(e, e ? &e->context : NULL, key, flags, value);
}

static OSStatus get_hint(AuthorizationEngineRef e, AuthorizationString key, const AuthorizationValue **out)
{
    return get(e, e ? &e->hints : NULL, key, NULL, out);
}

static OSStatus set_hint(AuthorizationEngineRef e, AuthorizationString key, const AuthorizationValue *value)
{
    return set(e, e ? &e->hints : NULL, key, 0, value);
}

static OSStatus get_immutable(AuthorizationEngineRef e, AuthorizationString key, const AuthorizationValue **out)
{
    return get(e, e ? &e->immutable : NULL, key, NULL, out);
}

static OSStatus remove_hint(AuthorizationEngineRef e, AuthorizationString key)
{
    return unset(e, e ? &e->hints : NULL, key);
}

static OSStatus remove_context(AuthorizationEngineRef e, AuthorizationString key)
{
    return unset(e, e ? &e->context : NULL, key);
}

static OSStatus get_arguments(AuthorizationEngineRef e, const AuthorizationValueVector **out)
{
    if (!e)
        return kAuthorizationInvalidRef;
    if (!out)
        return kAuthorizationInvalidPointer;
    *out = &e->arguments;
    return kNoError;
}

/* There is one session, the host's own. */
static OSStatus get_session(AuthorizationEngineRef e, AuthorizationSessionId *out)
{
    if (!e)
        return kAuthorizationInvalidRef;
    if (!out)
        return kAuthorizationInvalidPointer;
    *out = NULL;
    return kNoError;
}

/* Local authentication and smart cards are macOS's; a plug-in must bear their
 * absence there, too. */
static OSStatus no_object(AuthorizationEngineRef e, void **out)
{
    if (out)
        *out = NULL;
    return e ? kAuthorizationInternal : kAuthorizationInvalidRef;
}

static OSStatus no_identities(AuthorizationEngineRef e, void *context, void **out)
{
    (void)context;
    return no_object(e, out);
}

const AuthorizationCallbacks host_callbacks = {
    .version = kAuthorizationCallbacksVersion,
    .SetResult = set_result,
    .RequestInterrupt = request_interrupt,
    .DidDeactivate = did_deactivate,
    .GetContextValue = get_context,
    .SetContextValue = set_context,
    .GetHintValue = get_hint,
    .SetHintValue = set_hint,
    .GetArguments = get_arguments,
    .GetSessionId = get_session,
    .GetImmutableHintValue = get_immutable,
    .GetLAContext = no_object,
    .GetTokenIdentities = no_identities,
    .GetTKTokenWatcher = no_object,
    .RemoveHintValue = remove_hint,
    .RemoveContextValue = remove_context,
};
