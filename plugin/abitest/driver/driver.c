/*
 * An authorization host that misbehaves on demand. It reads commands from
 * standard input, one a line, and answers each with one line:
 *
 *   open VERSION          AuthorizationPluginCreate with callbacks of that version
 *   open-null             the same with null arguments, and without SetResult
 *   create M NAME         MechanismCreate for mechanism number M (0 to 15)
 *   create-null           MechanismCreate with null arguments
 *   uid M HEX | -         what the context holds under uid, from the next invoke on
 *   hint M HEX | -        the same for the hint dev.latchkey.ticket
 *   fail M FUNCTION | -   that callback returns an error from now on
 *   reenter M WHAT        SetResult calls back: destroy, invoke, deactivate
 *   invoke M | invoke-null
 *   deactivate M | deactivate-null
 *   destroy M | destroy-null      frees the engine: a late call is a use after free
 *   result M SECONDS      waits for a result; prints it with the hint
 *   settle M SECONDS      waits, then prints how many results, deactivations and faults there were
 *   close                 PluginDestroy
 */
#include "driver.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct record records[MECHANISMS];
static AuthorizationPluginRef plugin;
static const AuthorizationPluginInterface *interface;

static void invoke(struct record *r)
{
    pthread_mutex_lock(&r->lock);
    r->invocations++;
    pthread_mutex_unlock(&r->lock);
    OSStatus status = interface->MechanismInvoke(r->mechanism);
    if (status != kNoError) {
        pthread_mutex_lock(&r->lock);
        r->invocations--; /* refused: no result is due */
        pthread_mutex_unlock(&r->lock);
    }
    printf("invoked %d\n", (int)status);
}

static OSStatus destroy(struct record *r)
{
    OSStatus status = interface->MechanismDestroy(r->mechanism);

    memset(r->engine->guard, 'X', sizeof r->engine->guard);
    free(r->engine);
    r->engine = NULL;
    r->mechanism = NULL;
    return status;
}

void call_back(struct record *r)
{
    char what[32];

    memcpy(what, r->reenter, sizeof what);
    r->reenter[0] = 0; /* once */
    if (strcmp(what, "destroy") == 0)
        interface->MechanismDestroy(r->mechanism);
    if (strcmp(what, "deactivate") == 0)
        interface->MechanismDeactivate(r->mechanism);
    if (strcmp(what, "invoke") == 0) {
        pthread_mutex_lock(&r->lock);
        r->invocations++;
        pthread_mutex_unlock(&r->lock);
        interface->MechanismInvoke(r->mechanism);
    }
}

static void from_hex(struct value *v, const char *hex)
{
    v->there = strcmp(hex, "-") != 0;
    v->value.length = 0;
    for (; v->there && hex[0] && hex[1] && v->value.length < VALUE_MAX; hex += 2) {
        unsigned byte;
        sscanf(hex, "%2x", &byte);
        v->bytes[v->value.length++] = (uint8_t)byte;
    }
}

static struct timespec in(double seconds)
{
    struct timespec at;

    clock_gettime(CLOCK_REALTIME, &at);
    at.tv_sec += (time_t)seconds;
    at.tv_nsec += (long)((seconds - (double)(time_t)seconds) * 1e9);
    if (at.tv_nsec >= 1000000000L) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000L;
    }
    return at;
}

static void result(struct record *r, double seconds)
{
    struct timespec until = in(seconds);
    int late = 0;

    pthread_mutex_lock(&r->lock);
    while (r->results == r->taken && !late)
        late = pthread_cond_timedwait(&r->changed, &r->lock, &until);
    if (r->results == r->taken) {
        puts("result none");
    } else {
        r->taken++;
        printf("result %u hint ", r->last);
        for (size_t n = 0; r->hint.there && n < r->hint.value.length; n++)
            printf("%02x", r->hint.bytes[n]);
        puts(r->hint.there ? "." : "-");
    }
    pthread_mutex_unlock(&r->lock);
}

static void settle(struct record *r, double seconds)
{
    struct timespec until = in(seconds);

    pthread_mutex_lock(&r->lock);
    while (pthread_cond_timedwait(&r->changed, &r->lock, &until) == 0)
        continue;
    printf("settled invocations %u results %u deactivations %u faults %u\n", r->invocations, r->results, r->deactivations, r->faults);
    pthread_mutex_unlock(&r->lock);
}

static void create(struct record *r, const char *name)
{
    AuthorizationEngineRef e = calloc(1, sizeof *e);

    e->record = r;
    strcpy(e->guard, "alive");
    r->engine = e;
    printf("created %d\n", (int)interface->MechanismCreate(plugin, e, strcmp(name, "NULL") == 0 ? NULL : name, &r->mechanism));
}

static void open_plugin(AuthorizationPluginCreateFunction *entry, uint32_t version)
{
    callbacks.known.version = version;
    printf("opened %d\n", (int)entry(&callbacks.known, &plugin, &interface));
}

static void open_null(AuthorizationPluginCreateFunction *entry)
{
    AuthorizationCallbacks empty = {.version = 4};
    AuthorizationPluginRef p = &empty;
    const AuthorizationPluginInterface *i = NULL;

    int bad = entry(NULL, &p, &i) == kNoError || entry(&callbacks.known, NULL, &i) == kNoError ||
              entry(&callbacks.known, &p, NULL) == kNoError || entry(&empty, &p, &i) == kNoError || p != NULL;
    printf("opened-null %s\n", bad ? "taken" : "refused");
}

static void create_null(void)
{
    AuthorizationMechanismRef m = &records;

    int bad = interface->MechanismCreate(NULL, NULL, "gate", &m) == kNoError ||
              interface->MechanismCreate(plugin, NULL, "gate", NULL) == kNoError || m != NULL;
    printf("created-null %s\n", bad ? "taken" : "refused");
}

static void command(AuthorizationPluginCreateFunction *entry, const char *word, struct record *r, const char *text)
{
    if (strcmp(word, "open") == 0)
        open_plugin(entry, (uint32_t)strtoul(text, NULL, 10));
    else if (strcmp(word, "open-null") == 0)
        open_null(entry);
    else if (strcmp(word, "create") == 0)
        create(r, text);
    else if (strcmp(word, "create-null") == 0)
        create_null();
    else if (strcmp(word, "uid") == 0)
        from_hex(&r->uid, text), puts("ok");
    else if (strcmp(word, "hint") == 0)
        from_hex(&r->hint, text), puts("ok");
    else if (strcmp(word, "fail") == 0)
        snprintf(r->fail, sizeof r->fail, "%.31s", text), puts("ok");
    else if (strcmp(word, "reenter") == 0)
        snprintf(r->reenter, sizeof r->reenter, "%.31s", text), puts("ok");
    else if (strcmp(word, "invoke") == 0)
        invoke(r);
    else if (strcmp(word, "invoke-null") == 0)
        printf("invoked %d\n", (int)interface->MechanismInvoke(NULL));
    else if (strcmp(word, "deactivate") == 0)
        printf("deactivated %d\n", (int)interface->MechanismDeactivate(r->mechanism));
    else if (strcmp(word, "deactivate-null") == 0)
        printf("deactivated %d\n", (int)interface->MechanismDeactivate(NULL));
    else if (strcmp(word, "destroy") == 0)
        printf("destroyed %d\n", (int)destroy(r));
    else if (strcmp(word, "destroy-null") == 0)
        printf("destroyed %d\n", (int)interface->MechanismDestroy(NULL));
    else if (strcmp(word, "result") == 0)
        result(r, atof(text));
    else if (strcmp(word, "settle") == 0)
        settle(r, atof(text));
    else if (strcmp(word, "close") == 0)
        printf("closed %d %d\n", (int)interface->PluginDestroy(plugin), (int)interface->PluginDestroy(NULL));
    else
        printf("unknown command %s\n", word);
    fflush(stdout);
}

/* Commands with a mechanism number have it second. */
static bool numbered(const char *word)
{
    static const char *const plain[] = {"open", "open-null", "create-null", "invoke-null", "deactivate-null", "destroy-null", "close"};

    for (size_t n = 0; n < sizeof plain / sizeof *plain; n++)
        if (strcmp(word, plain[n]) == 0)
            return false;
    return true;
}

int main(int argc, char **argv)
{
    AuthorizationPluginCreateFunction *entry;
    char line[512];

    void *library = argc == 2 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    void *symbol = library ? dlsym(library, "AuthorizationPluginCreate") : NULL;
    if (!symbol) {
        fprintf(stderr, "driver: %s\n", dlerror());
        return 2;
    }
    memcpy(&entry, &symbol, sizeof entry);
    for (int n = 0; n < MECHANISMS; n++) {
        pthread_mutex_init(&records[n].lock, NULL);
        pthread_cond_init(&records[n].changed, NULL);
    }
    while (fgets(line, sizeof line, stdin)) {
        char word[32] = "", rest[400] = "", text[400] = "";
        unsigned number = 0;
        sscanf(line, "%31s %399[^\n]", word, rest);
        if (numbered(word))
            sscanf(rest, "%u %399[^\n]", &number, text);
        else
            strcpy(text, rest);
        command(entry, word, &records[number % MECHANISMS], text);
    }
    return 0;
}
