/*
 * latchkey-host: loads authorization plug-ins and lends them to an engine in
 * another process. See docs/plugin.md for the frames.
 */
#ifndef LATCHKEY_HOST_H
#define LATCHKEY_HOST_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../abi/authorization_plugin.h"

enum { REQUEST_FD = 3, REPORT_FD = 4 };

/* Bounds. A report with all that a mechanism may set stays within one frame. */
enum {
    FRAME_MAX = 1 << 20,
    STORE_MAX_BYTES = 256 << 10, /* of one kind of values, keys included */
    STORE_MAX_ENTRIES = 1024,
    ARGUMENTS_MAX = 256,
    NAME_MAX_BYTES = 4096,
};

enum operation {
    OP_LOAD = 1,
    OP_CREATE = 2,
    OP_INVOKE = 3,
    OP_DEACTIVATE = 4,
    OP_DESTROY = 5,
    OP_QUIT = 6,
    OP_LOADED = 17,
    OP_CREATED = 18,
    OP_INVOKED = 19,
    OP_RESULT = 20,
    OP_INTERRUPT = 21,
    OP_DEACTIVATED = 22,
    OP_DESTROYED = 23,
    OP_FAULT = 24,
};

/* ---- frames (frames.c) ---- */

/* A request being read. bad is set by the first thing that does not fit; after
 * it every read is empty. */
struct reader {
    const uint8_t *at;
    size_t left;
    bool bad;
};

/* A report being written. */
struct writer {
    uint8_t *bytes;
    size_t size, room;
    bool bad; /* no memory, or too large */
};

/* The next request in a buffer to be freed, or NULL at the end of the engine. A
 * request that cannot be is the end of the host. */
uint8_t *frame_receive(size_t *size);
uint32_t read_u32(struct reader *);
uint8_t read_u8(struct reader *);
/* A text as a C string to be freed; one with a NUL inside is bad. */
char *read_text(struct reader *, size_t most);
/* Bytes inside the request. */
const uint8_t *read_bytes(struct reader *, size_t *size);

void write_begin(struct writer *, enum operation);
void write_u32(struct writer *, uint32_t);
void write_bytes(struct writer *, const void *, size_t);
void write_text(struct writer *, const char *);
/* Sends the report and frees it. When the engine is gone the host ends. */
void write_send(struct writer *);

/* Ends the process with a reason on standard error. */
void die(const char *reason) __attribute__((noreturn));

/* ---- the main thread (loop.c; window/loop.m) ---- */

/* Serves each request on the main thread until the engine ends. */
void loop_run(void (*serve)(void *state, uint8_t *bytes, size_t size), void *state);

/* ---- values (values.c) ---- */

/* A value as plug-ins get it. Those that were replaced stay in memory until the
 * mechanism is gone, for a plug-in may still look at them. */
struct entry {
    struct entry *next;
    char *key;
    uint32_t flags;
    AuthorizationValue value;
};

struct store {
    struct entry *first, *retired;
    size_t bytes, entries;
};

/* Reads a map into the store, which becomes exactly that. */
void store_read(struct store *, struct reader *);
void store_write(const struct store *, struct writer *);
const struct entry *store_get(const struct store *, const char *key);
/* False where a bound would be broken. */
bool store_set(struct store *, const char *key, uint32_t flags, const void *data, size_t length);
void store_remove(struct store *, const char *key);
void store_free(struct store *);

/* ---- the engine that a mechanism sees (engine.c) ---- */

/* One mechanism. It is never freed before the end of the process, so that a
 * plug-in that calls too late is reported instead of crashing the host. */
struct OpaqueAuthorizationEngine {
    struct OpaqueAuthorizationEngine *next;
    uint32_t id;
    const AuthorizationPluginInterface *interface; /* NULL: not created, or destroyed */
    AuthorizationMechanismRef mechanism;

    pthread_mutex_t lock; /* of all below */
    bool awaiting_result, awaiting_deactivate, destroyed;
    struct store hints, context, immutable;
    AuthorizationValueVector arguments;
};

extern const AuthorizationCallbacks host_callbacks;

struct OpaqueAuthorizationEngine *engine_new(uint32_t id);
/* Takes the values of an invocation; bad requests leave nothing invoked. */
bool engine_prepare(struct OpaqueAuthorizationEngine *, struct reader *);
void engine_forget(struct OpaqueAuthorizationEngine *);
void engine_fault(struct OpaqueAuthorizationEngine *, const char *text);

#endif
