#include "host.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A plug-in that was loaded. Its library stays until the end of the process. */
struct plugin {
    struct plugin *next;
    uint32_t id;
    AuthorizationPluginRef ref;
    const AuthorizationPluginInterface *interface;
};

struct state {
    struct plugin *plugins;
    struct OpaqueAuthorizationEngine *engines; /* the newest first */
};

static void report_status(enum operation op, uint32_t id, OSStatus status)
{
    struct writer w;

    write_begin(&w, op);
    write_u32(&w, id);
    write_u32(&w, (uint32_t)status);
    write_send(&w);
}

static void report_loaded(uint32_t id, OSStatus status, const char *message)
{
    struct writer w;

    write_begin(&w, OP_LOADED);
    write_u32(&w, id);
    write_u32(&w, (uint32_t)status);
    write_text(&w, message);
    write_send(&w);
}

static void report_fault(uint32_t id, const char *text)
{
    struct writer w;

    write_begin(&w, OP_FAULT);
    write_u32(&w, id);
    write_text(&w, text);
    write_send(&w);
}

static struct plugin *plugin_by(struct state *s, uint32_t id)
{
    struct plugin *p = s->plugins;
    while (p && p->id != id)
        p = p->next;
    return p;
}

/* The mechanism with that number, if it is alive. */
static struct OpaqueAuthorizationEngine *engine_by(struct state *s, uint32_t id)
{
    struct OpaqueAuthorizationEngine *e = s->engines;
    while (e && e->id != id)
        e = e->next;
    return e && e->interface ? e : NULL;
}

/* ---- requests ---- */

/* Returns what is wrong, or NULL. */
static const char *open_plugin(struct plugin *p, const char *path, OSStatus *status)
{
    AuthorizationPluginCreateFunction *create;

    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return dlerror();
    void *symbol = dlsym(library, "AuthorizationPluginCreate");
    if (!symbol)
        return "no AuthorizationPluginCreate in the library";
    memcpy(&create, &symbol, sizeof create); /* ISO C has no cast for this */
    *status = create(&host_callbacks, &p->ref, &p->interface);
    if (*status != kNoError)
        return "AuthorizationPluginCreate failed";
    if (!p->interface || !p->interface->MechanismCreate || !p->interface->MechanismInvoke) {
        *status = kAuthorizationInternal;
        return "AuthorizationPluginCreate gave an incomplete interface";
    }
    return NULL;
}

static void load(struct state *s, struct reader *r)
{
    uint32_t id = read_u32(r);
    char *path = read_text(r, NAME_MAX_BYTES);
    OSStatus status = kAuthorizationInternal;

    if (r->bad)
        return;
    struct plugin *p = calloc(1, sizeof *p);
    if (!p)
        die("no memory for a plug-in");
    p->id = id;
    const char *wrong = plugin_by(s, id) ? "a plug-in with this number is loaded" : open_plugin(p, path, &status);
    report_loaded(id, wrong ? status : kNoError, wrong ? wrong : "");
    free(path);
    if (wrong) {
        free(p);
        return;
    }
    p->next = s->plugins;
    s->plugins = p;
}

static void create(struct state *s, struct reader *r)
{
    uint32_t id = read_u32(r), plugin_id = read_u32(r);
    char *name = read_text(r, NAME_MAX_BYTES);
    struct plugin *p = plugin_by(s, plugin_id);
    OSStatus status = kAuthorizationInternal;

    if (!r->bad && p && !engine_by(s, id)) {
        struct OpaqueAuthorizationEngine *e = engine_new(id);
        e->next = s->engines;
        s->engines = e;
        status = p->interface->MechanismCreate(p->ref, e, name, &e->mechanism);
        if (status == kNoError)
            e->interface = p->interface;
    }
    if (!r->bad)
        report_status(OP_CREATED, id, status);
    free(name);
}

static void invoke(struct state *s, struct reader *r)
{
    uint32_t id = read_u32(r);
    struct OpaqueAuthorizationEngine *e = engine_by(s, id);

    if (!e) {
        r->left = 0;
        report_status(OP_INVOKED, id, kAuthorizationInvalidRef);
        return;
    }
    if (!engine_prepare(e, r)) {
        r->left = 0;
        report_fault(id, "INVOKE while an invocation waits for its result");
        return;
    }
    if (!r->bad)
        report_status(OP_INVOKED, id, e->interface->MechanismInvoke(e->mechanism));
}

static void deactivate(struct state *s, struct reader *r)
{
    uint32_t id = read_u32(r);
    struct OpaqueAuthorizationEngine *e = engine_by(s, id);

    if (r->bad)
        return;
    if (!e || !e->interface->MechanismDeactivate) {
        report_fault(id, e ? "the plug-in has no MechanismDeactivate" : "DEACTIVATE of no mechanism");
        return;
    }
    pthread_mutex_lock(&e->lock);
    e->awaiting_deactivate = true;
    pthread_mutex_unlock(&e->lock);
    OSStatus status = e->interface->MechanismDeactivate(e->mechanism);
    if (status != kNoError)
        report_fault(id, "MechanismDeactivate failed");
}

static OSStatus destroy_engine(struct OpaqueAuthorizationEngine *e)
{
    OSStatus status = kNoError;

    if (e->interface->MechanismDestroy)
        status = e->interface->MechanismDestroy(e->mechanism);
    engine_forget(e);
    return status;
}

static void destroy(struct state *s, struct reader *r)
{
    uint32_t id = read_u32(r);
    struct OpaqueAuthorizationEngine *e = engine_by(s, id);

    if (!r->bad)
        report_status(OP_DESTROYED, id, e ? destroy_engine(e) : kAuthorizationInvalidRef);
}

static void quit(struct state *s)
{
    for (struct OpaqueAuthorizationEngine *e = s->engines; e; e = e->next)
        if (e->interface)
            destroy_engine(e);
    for (struct plugin *p = s->plugins; p; p = p->next)
        if (p->interface->PluginDestroy)
            p->interface->PluginDestroy(p->ref);
    fflush(NULL);
    _exit(0); /* threads of plug-ins may still run: no handlers */
}

static void serve(void *state, uint8_t *bytes, size_t size)
{
    struct state *s = state;
    struct reader r = {bytes, size, false};

    switch (read_u8(&r)) {
    case OP_LOAD: load(s, &r); break;
    case OP_CREATE: create(s, &r); break;
    case OP_INVOKE: invoke(s, &r); break;
    case OP_DEACTIVATE: deactivate(s, &r); break;
    case OP_DESTROY: destroy(s, &r); break;
    case OP_QUIT: quit(s); break;
    default: die("a request that this host does not know");
    }
    if (r.bad || r.left != 0)
        die("a request that does not read to its end");
}

int main(int argc, char **argv)
{
    struct state state = {0};

    if (argc > 1) {
        fprintf(stderr, "latchkey-host: unknown argument %s\n"
                        "hint: it takes none; an engine such as authhost starts it with pipes on file descriptors 3 and 4\n", argv[1]);
        return 2;
    }
    if (fcntl(REQUEST_FD, F_SETFD, FD_CLOEXEC) < 0 || fcntl(REPORT_FD, F_SETFD, FD_CLOEXEC) < 0) {
        fputs("latchkey-host: file descriptors 3 and 4 are not open\n"
              "hint: start it through an engine such as authhost\n", stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN); /* an engine that is gone is seen by its error */
    loop_run(serve, &state);
    quit(&state);
}
