/*
 * Stands in for the Go side under the thread sanitizer, which cannot see into
 * Go: it waits for a moment that depends on the account, and allows.
 */
#include <pthread.h>
#include <stddef.h>
#include <time.h>

#include "../../lifecycle.h"

static void *await(void *invocation)
{
    invocation_await(invocation);
    return NULL;
}

void latchkeyDecide(struct invocation *i, struct question *question, struct outcome *out)
{
    struct timespec moment = {0, (long)(question->uid % 3000) * 1000};
    pthread_t thread;

    invocation_retain(i);
    if (pthread_create(&thread, NULL, await, i) == 0)
        pthread_detach(thread);
    else
        invocation_await(i);
    invocation_alive(i, 30);
    nanosleep(&moment, NULL);
    out->allow = 1;
}
