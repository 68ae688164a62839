#include "host.h"

#include <stdlib.h>
#include <string.h>

static void entry_free(struct entry *e)
{
    free(e->key);
    free(e->value.data);
    free(e);
}

static struct entry *entry_new(const char *key, uint32_t flags, const void *data, size_t length)
{
    struct entry *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->key = strdup(key);
    e->value.data = malloc(length ? length : 1);
    if (!e->key || !e->value.data) {
        entry_free(e);
        return NULL;
    }
    if (length)
        memcpy(e->value.data, data, length);
    e->value.length = length;
    e->flags = flags;
    return e;
}

static struct entry **find(struct store *s, const char *key)
{
    struct entry **at = &s->first;

    while (*at && strcmp((*at)->key, key) != 0)
        at = &(*at)->next;
    return at;
}

const struct entry *store_get(const struct store *s, const char *key)
{
    return *find((struct store *)s, key);
}

void store_remove(struct store *s, const char *key)
{
    struct entry **at = find(s, key);
    struct entry *e = *at;

    if (!e)
        return;
    *at = e->next;
    s->bytes -= strlen(e->key) + e->value.length;
    s->entries--;
    e->next = s->retired;
    s->retired = e;
}

bool store_set(struct store *s, const char *key, uint32_t flags, const void *data, size_t length)
{
    size_t size = strlen(key);
    const struct entry *old = store_get(s, key);
    size_t freed = old ? size + old->value.length : 0;

    if (size > NAME_MAX_BYTES || length > STORE_MAX_BYTES || s->bytes - freed + size + length > STORE_MAX_BYTES)
        return false;
    if (!old && s->entries >= STORE_MAX_ENTRIES)
        return false;
    struct entry *e = entry_new(key, flags, data, length);
    if (!e)
        return false;
    store_remove(s, key);
    struct entry **end = &s->first;
    while (*end)
        end = &(*end)->next;
    *end = e;
    s->bytes += size + length;
    s->entries++;
    return true;
}

void store_read(struct store *s, struct reader *r)
{
    while (s->first)
        store_remove(s, s->first->key);
    for (uint32_t n = read_u32(r); n > 0 && !r->bad; n--) {
        size_t length;
        char *key = read_text(r, NAME_MAX_BYTES);
        uint32_t flags = read_u32(r);
        const uint8_t *data = read_bytes(r, &length);
        if (!r->bad && !store_set(s, key, flags, data, length))
            r->bad = true;
        free(key);
    }
}

void store_write(const struct store *s, struct writer *w)
{
    write_u32(w, (uint32_t)s->entries);
    for (const struct entry *e = s->first; e; e = e->next) {
        write_text(w, e->key);
        write_u32(w, e->flags);
        write_bytes(w, e->value.data, e->value.length);
    }
}

static void list_free(struct entry *e)
{
    while (e) {
        struct entry *next = e->next;
        entry_free(e);
        e = next;
    }
}

void store_free(struct store *s)
{
    list_free(s->first);
    list_free(s->retired);
    memset(s, 0, sizeof *s);
}
