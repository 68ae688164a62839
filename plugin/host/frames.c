#include "host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void die(const char *reason)
{
    fprintf(stderr, "latchkey-host: %s\n", reason);
    _exit(1); /* threads of plug-ins may hold anything: run no handlers */
}

/* Reads size bytes. False: the engine closed its end before the first. */
static bool receive(void *into, size_t size)
{
    uint8_t *at = into;

    while (size > 0) {
        ssize_t n = read(REQUEST_FD, at, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            die("cannot read from the engine (file descriptor 3)");
        if (n == 0 && at == into)
            return false;
        if (n == 0)
            die("the engine closed its end within a request");
        at += n;
        size -= (size_t)n;
    }
    return true;
}

uint8_t *frame_receive(size_t *size)
{
    uint8_t head[4];

    if (!receive(head, sizeof head))
        return NULL;
    *size = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
    if (*size == 0 || *size > FRAME_MAX)
        die("a request has no byte, or more than 1 MiB");
    uint8_t *bytes = malloc(*size);
    if (!bytes)
        die("no memory for a request");
    if (!receive(bytes, *size))
        die("the engine closed its end within a request");
    return bytes;
}

static const uint8_t *take(struct reader *r, size_t n)
{
    const uint8_t *at = r->at;

    if (r->bad || n > r->left) {
        r->bad = true;
        return NULL;
    }
    r->at += n;
    r->left -= n;
    return at;
}

uint8_t read_u8(struct reader *r)
{
    const uint8_t *b = take(r, 1);
    return b ? *b : 0;
}

uint32_t read_u32(struct reader *r)
{
    const uint8_t *b = take(r, 4);
    return b ? (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3] : 0;
}

const uint8_t *read_bytes(struct reader *r, size_t *size)
{
    *size = read_u32(r);
    const uint8_t *b = take(r, *size);
    if (!b)
        *size = 0;
    return b;
}

char *read_text(struct reader *r, size_t most)
{
    size_t size;
    const uint8_t *b = read_bytes(r, &size);

    if (!b || size > most || memchr(b, 0, size)) {
        r->bad = true;
        return NULL;
    }
    char *text = malloc(size + 1);
    if (!text)
        die("no memory for a text");
    memcpy(text, b, size);
    text[size] = 0;
    return text;
}

static void put(struct writer *w, const void *bytes, size_t size)
{
    if (w->bad || size > FRAME_MAX || w->size + size > FRAME_MAX + 4) {
        w->bad = true;
        return;
    }
    if (w->size + size > w->room) {
        size_t room = (w->size + size) * 2 + 256;
        uint8_t *more = realloc(w->bytes, room);
        if (!more) {
            w->bad = true;
            return;
        }
        w->bytes = more;
        w->room = room;
    }
    if (size)
        memcpy(w->bytes + w->size, bytes, size);
    w->size += size;
}

void write_u32(struct writer *w, uint32_t v)
{
    uint8_t b[4] = {v >> 24, v >> 16, v >> 8, v};
    put(w, b, sizeof b);
}

void write_bytes(struct writer *w, const void *bytes, size_t size)
{
    write_u32(w, (uint32_t)size);
    put(w, bytes, size);
}

void write_text(struct writer *w, const char *text)
{
    write_bytes(w, text, strlen(text));
}

void write_begin(struct writer *w, enum operation op)
{
    uint8_t code = (uint8_t)op;

    memset(w, 0, sizeof *w);
    write_u32(w, 0); /* the length, filled in at the end */
    put(w, &code, 1);
}

void write_send(struct writer *w)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* reports come from any thread */
    const uint8_t *at = w->bytes;

    if (w->bad)
        die("a report has more than 1 MiB, or there is no memory for it");
    uint32_t length = (uint32_t)(w->size - 4);
    uint8_t head[4] = {length >> 24, length >> 16, length >> 8, length};
    memcpy(w->bytes, head, sizeof head);
    pthread_mutex_lock(&lock);
    while (w->size > 0) {
        ssize_t n = write(REPORT_FD, at, w->size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            die("cannot write to the engine (file descriptor 4)");
        at += n;
        w->size -= (size_t)n;
    }
    pthread_mutex_unlock(&lock);
    free(w->bytes);
}
