/*
 * Stands in for the Go side under the thread sanitizer, which cannot see into
 * Go: it waits for a moment that depends on the account, and allows. What is
 * told to it at the end it frees, so that a second telling, or one that comes
 * while it works, is seen.
 */
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "../../lifecycle.h"

void latchkeyOver(uintptr_t asker)
{
    int *over = (int *)asker;

    *over = 1;
    free(over);
}

void latchkeyDecide(struct invocation *i, struct question *question, struct outcome *out)
{
    struct timespec moment = {0, (long)(question->uid % 3000) * 1000};
    int *over = calloc(1, sizeof *over);

    if (over && !invocation_tell(i, (uintptr_t)over))
        free(over);
    invocation_alive(i, 30);
    nanosleep(&moment, NULL);
    out->allow = 1;
}
