/*
 * A host that does nothing but measure. It loads the real plug-in through its C
 * interface and times it; and it times a bare ping-pong over a Unix socket,
 * between this process and a child of it, with messages of the sizes given.
 *
 *   bench-host create LIBRARY                     nanoseconds from dlopen to the end of MechanismCreate
 *   bench-host gate ROUNDS LIBRARY UID            nanoseconds of each gate decision, one a line
 *   bench-host pingpong ROUNDS CONNECT SIZE...    nanoseconds of each conversation, one a line
 *
 * Between two rounds is a pause, in which the daemon writes the event of the
 * one before: people do not log in hundreds of times a second. CONNECT is 1 when each conversation has a connection of its own, else 0. The
 * sizes are of the messages in turn: ours, theirs, ours, theirs.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "../../plugin/abi/authorization_plugin.h"

static void fail(const char *what)
{
    fprintf(stderr, "bench-host: %s\n", what);
    exit(1);
}

static long long now(void)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * 1000000000LL + at.tv_nsec;
}

/* Longer than the daemon takes to write an event. */
static void pause_a_moment(void)
{
    const struct timespec moment = {.tv_nsec = 8000000};

    nanosleep(&moment, NULL);
}

/* ---- the engine's side of the interface ---- */

struct OpaqueAuthorizationEngine {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool answered;
    AuthorizationResult result;
    uint32_t uid;
    AuthorizationValue value;
};

static OSStatus set_result(AuthorizationEngineRef e, AuthorizationResult result)
{
    pthread_mutex_lock(&e->lock);
    e->result = result;
    e->answered = true;
    pthread_cond_signal(&e->changed);
    pthread_mutex_unlock(&e->lock);
    return kNoError;
}

static OSStatus did_deactivate(AuthorizationEngineRef e)
{
    (void)e;
    return kNoError;
}

static OSStatus get_context(AuthorizationEngineRef e, AuthorizationString key, AuthorizationContextFlags *flags,
                            const AuthorizationValue **out)
{
    if (strcmp(key, "uid") != 0)
        return kAuthorizationInternal;
    *flags = 0;
    e->value = (AuthorizationValue){sizeof e->uid, &e->uid};
    *out = &e->value;
    return kNoError;
}

static OSStatus get_hint(AuthorizationEngineRef e, AuthorizationString key, const AuthorizationValue **out)
{
    (void)e, (void)key, (void)out;
    return kAuthorizationInternal; /* no prompt came before: the account is exempt */
}

static const AuthorizationCallbacks callbacks = {
    .version = kAuthorizationCallbacksVersion,
    .SetResult = set_result,
    .DidDeactivate = did_deactivate,
    .GetContextValue = get_context,
    .GetHintValue = get_hint,
};

static struct OpaqueAuthorizationEngine engine = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static const AuthorizationPluginInterface *load(const char *library, AuthorizationMechanismRef *mechanism)
{
    AuthorizationPluginCreateFunction *entry;
    AuthorizationPluginRef plugin;
    const AuthorizationPluginInterface *interface;

    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    void *symbol = handle ? dlsym(handle, "AuthorizationPluginCreate") : NULL;
    if (!symbol)
        fail(dlerror());
    memcpy(&entry, &symbol, sizeof entry);
    if (entry(&callbacks, &plugin, &interface) != kNoError)
        fail("AuthorizationPluginCreate failed");
    if (interface->MechanismCreate(plugin, &engine, "gate", mechanism) != kNoError)
        fail("MechanismCreate failed");
    return interface;
}

static void create(const char *library)
{
    AuthorizationMechanismRef mechanism;
    long long start = now();

    load(library, &mechanism);
    printf("%lld\n", now() - start);
}

/* From Invoke to the call of SetResult, seen by a thread that waits for it. */
static void gate(const char *library, uint32_t uid, int rounds)
{
    AuthorizationMechanismRef mechanism;
    const AuthorizationPluginInterface *interface = load(library, &mechanism);

    engine.uid = uid;
    for (int n = 0; n < rounds; n++) {
        pause_a_moment();
        long long start = now();
        engine.answered = false;
        if (interface->MechanismInvoke(mechanism) != kNoError)
            fail("MechanismInvoke failed");
        pthread_mutex_lock(&engine.lock);
        while (!engine.answered)
            pthread_cond_wait(&engine.changed, &engine.lock);
        pthread_mutex_unlock(&engine.lock);
        printf("%lld\n", now() - start);
        if (engine.result != kAuthorizationResultAllow)
            fail("the gate did not allow");
    }
}

/* ---- ping-pong ---- */

enum { MESSAGES = 16, LARGEST = 65536 };

struct talk {
    int count;
    size_t sizes[MESSAGES];
};

static bool all(ssize_t (*move)(int, void *, size_t), int fd, size_t size)
{
    static char bytes[LARGEST];

    for (size_t done = 0; done < size;) {
        ssize_t n = move(fd, bytes + done, size - done);
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

static ssize_t put(int fd, void *bytes, size_t size)
{
    return write(fd, bytes, size);
}

/* One conversation. The client has the messages with an even number. */
static bool converse(int fd, const struct talk *t, int own)
{
    for (int n = 0; n < t->count; n++)
        if (!all(n % 2 == own ? put : read, fd, t->sizes[n]))
            return false;
    return true;
}

static void echo(int listener, const struct talk *t)
{
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        while (fd >= 0 && converse(fd, t, 1))
            continue;
        close(fd);
    }
}

static int reach(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    if (fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof *address))
        fail("connect");
    return fd;
}

static void pingpong(int rounds, bool connects, const struct talk *t)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM, 0), fd = -1;

    snprintf(address.sun_path, sizeof address.sun_path, "/tmp/bench-host-%ld.sock", (long)getpid());
    unlink(address.sun_path);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 16))
        fail("listen");
    pid_t child = fork();
    if (child < 0)
        fail("fork");
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        echo(listener, t);
    }
    if (!connects)
        fd = reach(&address);
    for (int n = 0; n < rounds; n++) {
        pause_a_moment();
        long long start = now();
        if (connects)
            fd = reach(&address);
        if (!converse(fd, t, 0))
            fail("converse");
        if (connects)
            close(fd);
        printf("%lld\n", now() - start);
    }
    unlink(address.sun_path);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

int main(int argc, char **argv)
{
    struct talk t = {0};

    if (argc == 3 && strcmp(argv[1], "create") == 0) {
        create(argv[2]);
    } else if (argc == 5 && strcmp(argv[1], "gate") == 0) {
        gate(argv[3], (uint32_t)strtoul(argv[4], NULL, 10), atoi(argv[2]));
    } else if (argc > 5 && argc - 4 <= MESSAGES && argc % 2 == 0 && strcmp(argv[1], "pingpong") == 0) {
        for (int n = 4; n < argc; n++)
            if ((t.sizes[t.count++] = strtoul(argv[n], NULL, 10)) > LARGEST)
                fail("too large");
        pingpong(atoi(argv[2]), atoi(argv[3]) != 0, &t);
    } else {
        fail("see the comment at the top of host.c");
    }
    return 0;
}
