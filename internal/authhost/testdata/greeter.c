/*
 * A plug-in of another vendor, for tests: its mechanisms know nothing of
 * Latchkey and use the terminal as any program does.
 *   ask      asks for a word on the terminal: "friend" is let on, others are
 *            sent back, an empty line cancels
 *   look     sets hints that say who runs it and what it was given
 *   sulk     lets on, and asks to be invoked again while a later one runs
 *   wait     never answers the first time
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../../plugin/abi/authorization_plugin.h"

static const AuthorizationCallbacks *host;
static AuthorizationEngineRef sulking;

struct mechanism {
    AuthorizationEngineRef engine;
    char name[16];
    int runs;
};

static AuthorizationResult ask(void)
{
    char word[64] = "";

    printf("\033[2J\033[HSay friend and enter: ");
    fflush(stdout);
    if (!fgets(word, sizeof word, stdin) || word[0] == '\n')
        return kAuthorizationResultUserCanceled;
    word[strcspn(word, "\r\n")] = 0;
    if (strcmp(word, "friend") == 0) {
        printf("Welcome\n");
        fflush(stdout);
        return kAuthorizationResultAllow;
    }
    return kAuthorizationResultDeny;
}

static void look(AuthorizationEngineRef engine)
{
    const AuthorizationValue *value;
    AuthorizationContextFlags flags;
    char key[64];
    AuthorizationValue empty = {0, ""};

    snprintf(key, sizeof key, "runs-as-%u", (unsigned)geteuid());
    host->SetHintValue(engine, key, &empty);
    if (host->GetContextValue(engine, "uid", &flags, &value) == kNoError && value->length == 4) {
        unsigned uid;
        memcpy(&uid, value->data, 4);
        snprintf(key, sizeof key, "uid-is-%u", uid);
        host->SetHintValue(engine, key, &empty);
    }
    if (host->GetContextValue(engine, "username", &flags, &value) == kNoError && value->length > 0 && ((char *)value->data)[value->length - 1] == 0) {
        snprintf(key, sizeof key, "name-is-%.40s", (char *)value->data);
        host->SetHintValue(engine, key, &empty);
    }
}

static OSStatus invoke(AuthorizationMechanismRef ref)
{
    struct mechanism *m = ref;
    AuthorizationResult result = kAuthorizationResultAllow;

    m->runs++;
    if (strcmp(m->name, "ask") == 0)
        result = ask();
    if (strcmp(m->name, "look") == 0)
        look(m->engine);
    if (strcmp(m->name, "wait") == 0 && m->runs == 1) {
        host->RequestInterrupt(sulking);
        return kNoError;
    }
    if (strcmp(m->name, "sulk") == 0)
        sulking = m->engine;
    return host->SetResult(m->engine, result);
}

static OSStatus create(AuthorizationPluginRef plugin, AuthorizationEngineRef engine, AuthorizationMechanismId id, AuthorizationMechanismRef *out)
{
    struct mechanism *m = calloc(1, sizeof *m);

    (void)plugin;
    if (!m)
        return kAuthorizationInternal;
    m->engine = engine;
    strncpy(m->name, id, sizeof m->name - 1);
    *out = m;
    return kNoError;
}

static OSStatus deactivate(AuthorizationMechanismRef ref) { return host->DidDeactivate(((struct mechanism *)ref)->engine); }

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

OSStatus AuthorizationPluginCreate(const AuthorizationCallbacks *callbacks, AuthorizationPluginRef *plugin, const AuthorizationPluginInterface **interface)
{
    static const AuthorizationPluginInterface ours = {0, plugin_destroy, create, invoke, deactivate, destroy};
    static char any;

    host = callbacks;
    *plugin = &any;
    *interface = &ours;
    return kNoError;
}
