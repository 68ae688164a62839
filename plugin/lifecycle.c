/*
 * The plug-in as the host sees it. Nothing here blocks, asserts or calls Go:
 * an invocation does its work on threads of its own.
 */
#include "lifecycle.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "invocation.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT AuthorizationPluginCreateFunction AuthorizationPluginCreate;

struct plugin {
    struct host host;
};

struct mechanism {
    struct host host;
    AuthorizationEngineRef engine;
    enum mechanism_kind kind;
    pthread_mutex_t lock; /* of current; never held during a call to the host */
    struct invocation *current;
};

/* ---- mechanisms ---- */

static enum mechanism_kind kind_of(AuthorizationMechanismId id)
{
    if (id && strcmp(id, "prompt") == 0)
        return MECHANISM_PROMPT;
    if (id && strcmp(id, "gate") == 0)
        return MECHANISM_GATE;
    if (id && strcmp(id, "rehearsal") == 0)
        return MECHANISM_REHEARSAL;
    return MECHANISM_UNKNOWN;
}

/* Fails only where nothing is left to answer with: a failure here is retried
 * by the system or ends the login, and Invoke can say Deny. */
static OSStatus mechanism_create(AuthorizationPluginRef plugin, AuthorizationEngineRef engine,
                                 AuthorizationMechanismId id, AuthorizationMechanismRef *out)
{
    if (!out)
        return kAuthorizationInvalidPointer;
    *out = NULL;
    if (!plugin)
        return kAuthorizationInvalidRef;
    struct mechanism *m = calloc(1, sizeof *m);
    if (!m)
        return kAuthorizationInternal;
    if (pthread_mutex_init(&m->lock, NULL)) {
        free(m);
        return kAuthorizationInternal;
    }
    m->host = ((struct plugin *)plugin)->host;
    m->engine = engine;
    m->kind = kind_of(id);
    *out = m;
    return kNoError;
}

/* Makes next the current invocation, unless one is under way. */
static bool take_place(struct mechanism *m, struct invocation *next)
{
    pthread_mutex_lock(&m->lock);
    struct invocation *last = m->current;
    bool free_place = !last || invocation_over(last);
    if (free_place) {
        m->current = next;
        invocation_retain(next);
    }
    pthread_mutex_unlock(&m->lock);
    if (free_place && last)
        invocation_release(last);
    return free_place;
}

/* The invocation under way, with a reference, or NULL. */
static struct invocation *current(struct mechanism *m)
{
    pthread_mutex_lock(&m->lock);
    struct invocation *i = m->current;
    if (i)
        invocation_retain(i);
    pthread_mutex_unlock(&m->lock);
    return i;
}

static OSStatus mechanism_invoke(AuthorizationMechanismRef ref)
{
    struct mechanism *m = ref;

    if (!m)
        return kAuthorizationInvalidRef;
    struct invocation *next = invocation_new(&m->host, m->engine, m->kind);
    if (!next) {
        m->host.set_result(m->engine, kAuthorizationResultDeny);
        return kNoError;
    }
    OSStatus status = kNoError;
    if (take_place(m, next))
        invocation_start(next);
    else
        status = kAuthorizationInternal; /* one at a time: the first one's result could not be told from this one's */
    invocation_release(next);
    return status;
}

/* Deny for what is under way, for the host may wait for a result as well as for
 * DidDeactivate, and what was interrupted has proved nothing. */
static OSStatus mechanism_deactivate(AuthorizationMechanismRef ref)
{
    static const struct outcome deny;
    struct mechanism *m = ref;

    if (!m)
        return kAuthorizationInvalidRef;
    struct host host = m->host; /* SetResult may destroy the mechanism */
    AuthorizationEngineRef engine = m->engine;
    struct invocation *i = current(m);
    if (i) {
        invocation_deliver(i, &deny);
        invocation_release(i);
    }
    if (host.did_deactivate)
        host.did_deactivate(engine);
    return kNoError;
}

static OSStatus mechanism_destroy(AuthorizationMechanismRef ref)
{
    struct mechanism *m = ref;

    if (!m)
        return kAuthorizationInvalidRef;
    struct invocation *i = m->current;
    if (i) {
        invocation_abandon(i);
        invocation_release(i);
    }
    pthread_mutex_destroy(&m->lock);
    free(m);
    return kNoError;
}

/* ---- the plug-in ---- */

static OSStatus plugin_destroy(AuthorizationPluginRef ref)
{
    if (!ref)
        return kAuthorizationInvalidRef;
    free(ref);
    return kNoError;
}

static const AuthorizationPluginInterface interface = {
    .version = kAuthorizationPluginInterfaceVersion,
    .PluginDestroy = plugin_destroy,
    .MechanismCreate = mechanism_create,
    .MechanismInvoke = mechanism_invoke,
    .MechanismDeactivate = mechanism_deactivate,
    .MechanismDestroy = mechanism_destroy,
};

/* Takes callbacks of any version: what is used here was in the first one. */
OSStatus AuthorizationPluginCreate(const AuthorizationCallbacks *callbacks, AuthorizationPluginRef *out,
                                   const AuthorizationPluginInterface **out_interface)
{
    if (!callbacks || !out || !out_interface)
        return kAuthorizationInvalidPointer;
    *out = NULL;
    *out_interface = NULL;
    if (!callbacks->SetResult)
        return kAuthorizationInvalidPointer; /* no mechanism could ever answer */
    struct plugin *p = calloc(1, sizeof *p);
    if (!p)
        return kAuthorizationInternal;
    p->host = (struct host){
        .set_result = callbacks->SetResult,
        .did_deactivate = callbacks->DidDeactivate,
        .get_context = callbacks->GetContextValue,
        .get_hint = callbacks->GetHintValue,
        .set_hint = callbacks->SetHintValue,
    };
    *out = p;
    *out_interface = &interface;
    return kNoError;
}
