/*
 * A plug-in that is not ours, for stories and attacks: it stands in the same
 * list as Latchkey. As another vendor's, it knows nothing of it:
 *   remember  notes who the login is for and with which password
 *   unlock    opens the keychain: fails when any of that has changed since
 *   card      a smart card logged in: there is no password in the context
 *   crash     takes its host process down
 * As an attacker's, in place of Latchkey:prompt or beside it, it never asks the
 * daemon, and leaves what it likes in the hints:
 *   zeros     a ticket of zeros
 *   offers    the ticket in the file that FORGED_TICKET names
 *   claims    another account, and success, under every name that might be read
 *   clears    no ticket where there was one
 * Any other name lets on.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../plugin/abi/authorization_plugin.h"

static const AuthorizationCallbacks *host;
static const char note_key[] = "vendor.note", ticket_key[] = "dev.latchkey.ticket";

struct mechanism {
    AuthorizationEngineRef engine;
    char name[16];
};

/* A sum (FNV-1a) of name, length, flags and bytes of what other products rest on. */
static uint64_t sum(AuthorizationEngineRef engine)
{
    static const char *const keys[] = {"username", "password", "uid", "gid", "home"};
    uint64_t sum = 14695981039346656037u;

    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
        AuthorizationContextFlags flags = 0;
        const AuthorizationValue *value = NULL;
        if (host->GetContextValue(engine, keys[k], &flags, &value) != kNoError || !value)
            continue;
        sum = (sum ^ (k + 1)) * 1099511628211u;
        sum = (sum ^ flags) * 1099511628211u;
        sum = (sum ^ value->length) * 1099511628211u;
        for (size_t i = 0; i < value->length; i++)
            sum = (sum ^ ((const unsigned char *)value->data)[i]) * 1099511628211u;
    }
    return sum;
}

static void take_note(AuthorizationEngineRef engine)
{
    uint64_t now = sum(engine);
    AuthorizationValue value = {sizeof now, &now};
    host->SetHintValue(engine, note_key, &value);
}

static AuthorizationResult unlock(AuthorizationEngineRef engine)
{
    const AuthorizationValue *noted = NULL;
    uint64_t now = sum(engine);

    if (host->GetHintValue(engine, note_key, &noted) != kNoError || !noted || noted->length != sizeof now)
        return kAuthorizationResultUndefined;
    return memcmp(noted->data, &now, sizeof now) == 0 ? kAuthorizationResultAllow : kAuthorizationResultUndefined;
}

static void hint(AuthorizationEngineRef engine, const char *key, void *data, size_t length)
{
    AuthorizationValue value = {length, data};
    host->SetHintValue(engine, key, &value);
}

static void offer(AuthorizationEngineRef engine)
{
    unsigned char ticket[16] = {0};
    const char *path = getenv("FORGED_TICKET");
    FILE *file = path ? fopen(path, "rb") : NULL;

    if (!file || fread(ticket, 1, sizeof ticket, file) != sizeof ticket)
        abort();
    fclose(file);
    hint(engine, ticket_key, ticket, sizeof ticket);
}

static void claim(AuthorizationEngineRef engine)
{
    uint32_t root = 0;
    char yes[] = "YES", exempt[] = "itadmin";

    hint(engine, "uid", &root, sizeof root);
    hint(engine, "username", exempt, sizeof exempt);
    hint(engine, "dev.latchkey.allow", yes, sizeof yes);
    hint(engine, "dev.latchkey.exempt", yes, sizeof yes);
    hint(engine, ticket_key, yes, sizeof yes);
}

static void forge(AuthorizationEngineRef engine, const char *name)
{
    static unsigned char zeros[16];

    if (strcmp(name, "zeros") == 0)
        hint(engine, ticket_key, zeros, sizeof zeros);
    if (strcmp(name, "offers") == 0)
        offer(engine);
    if (strcmp(name, "claims") == 0)
        claim(engine);
    if (strcmp(name, "clears") == 0)
        hint(engine, ticket_key, zeros, 0);
}

static OSStatus invoke(AuthorizationMechanismRef ref)
{
    struct mechanism *m = ref;
    AuthorizationResult result = kAuthorizationResultAllow;

    if (strcmp(m->name, "crash") == 0)
        abort();
    if (strcmp(m->name, "remember") == 0)
        take_note(m->engine);
    if (strcmp(m->name, "unlock") == 0)
        result = unlock(m->engine);
    if (strcmp(m->name, "card") == 0)
        host->RemoveContextValue(m->engine, "password");
    forge(m->engine, m->name);
    return host->SetResult(m->engine, result);
}

static OSStatus create(AuthorizationPluginRef plugin, AuthorizationEngineRef engine, AuthorizationMechanismId id,
                       AuthorizationMechanismRef *out)
{
    struct mechanism *m = calloc(1, sizeof *m);

    (void)plugin;
    if (!m)
        return kAuthorizationInternal;
    m->engine = engine;
    snprintf(m->name, sizeof m->name, "%s", id);
    *out = m;
    return kNoError;
}

static OSStatus deactivate(AuthorizationMechanismRef ref)
{
    return host->DidDeactivate(((struct mechanism *)ref)->engine);
}

static OSStatus destroy(AuthorizationMechanismRef ref)
{
    free(ref);
    return kNoError;
}

static OSStatus plugin_destroy(AuthorizationPluginRef plugin)
{
    (void)plugin;
    return kNoError;
}

OSStatus AuthorizationPluginCreate(const AuthorizationCallbacks *callbacks, AuthorizationPluginRef *plugin,
                                   const AuthorizationPluginInterface **interface)
{
    static const AuthorizationPluginInterface ours = {0, plugin_destroy, create, invoke, deactivate, destroy};

    host = callbacks;
    *plugin = (void *)&ours;
    *interface = &ours;
    return kNoError;
}
