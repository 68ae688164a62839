/*
 * A plug-in that is not ours, for tests of the host: its mechanisms do what
 * their names say, on the invoking thread.
 */
#include <stdlib.h>
#include <string.h>

#include "../../abi/authorization_plugin.h"

static const AuthorizationCallbacks *host;

struct mechanism {
    AuthorizationEngineRef engine;
    char name[32];
};

static void set_hint(AuthorizationEngineRef e, const char *key, const void *data, size_t length)
{
    AuthorizationValue value = {length, (void *)data};
    host->SetHintValue(e, key, &value);
}

/* Copies what the host hands out to where the test can see it. */
static void echo(AuthorizationEngineRef e)
{
    const AuthorizationValue *value;
    const AuthorizationValueVector *arguments;
    AuthorizationContextFlags flags = 0;

    if (host->GetHintValue(e, "in", &value) == kNoError)
        set_hint(e, "hint", value->data, value->length);
    if (host->GetContextValue(e, "username", &flags, &value) == kNoError) {
        AuthorizationValue copy = *value;
        host->SetContextValue(e, "copied", flags, &copy);
    }
    if (host->GetImmutableHintValue(e, "client-apple-signed", &value) == kNoError)
        set_hint(e, "immutable", value->data, value->length);
    if (host->GetArguments(e, &arguments) == kNoError && arguments->count == 2)
        set_hint(e, "argument", arguments->values[1].data, arguments->values[1].length);
    if (host->GetHintValue(e, "nowhere", &value) != kNoError)
        set_hint(e, "missing", "yes", 3);
    host->RemoveHintValue(e, "in");
}

static OSStatus create(AuthorizationPluginRef p, AuthorizationEngineRef e, AuthorizationMechanismId id,
                       AuthorizationMechanismRef *out)
{
    (void)p;
    if (strcmp(id, "uncreatable") == 0)
        return kAuthorizationInternal;
    struct mechanism *m = calloc(1, sizeof *m);
    if (!m)
        return kAuthorizationInternal;
    m->engine = e;
    strncpy(m->name, id, sizeof m->name - 1);
    *out = m;
    return kNoError;
}

static OSStatus invoke(AuthorizationMechanismRef ref)
{
    struct mechanism *m = ref;

    if (strcmp(m->name, "crash") == 0)
        abort();
    if (strcmp(m->name, "silent") == 0)
        return kNoError;
    if (strcmp(m->name, "echo") == 0)
        echo(m->engine);
    if (strcmp(m->name, "interrupt") == 0)
        host->RequestInterrupt(m->engine);
    host->SetResult(m->engine, strcmp(m->name, "cancel") == 0 ? kAuthorizationResultUserCanceled : kAuthorizationResultAllow);
    if (strcmp(m->name, "twice") == 0)
        host->SetResult(m->engine, kAuthorizationResultAllow);
    return kNoError;
}

static OSStatus deactivate(AuthorizationMechanismRef ref)
{
    return host->DidDeactivate(((struct mechanism *)ref)->engine);
}

static OSStatus destroy(AuthorizationMechanismRef ref)
{
    struct mechanism *m = ref;

    if (strcmp(m->name, "late") == 0) /* what must never be done */
        host->DidDeactivate(m->engine);
    free(m);
    return kNoError;
}

static OSStatus plugin_destroy(AuthorizationPluginRef p)
{
    (void)p;
    return kNoError;
}

OSStatus AuthorizationPluginCreate(const AuthorizationCallbacks *callbacks, AuthorizationPluginRef *out,
                                   const AuthorizationPluginInterface **out_interface)
{
    static const AuthorizationPluginInterface interface = {0, plugin_destroy, create, invoke, deactivate, destroy};

    host = callbacks;
    *out = (void *)&interface;
    *out_interface = &interface;
    return kNoError;
}
