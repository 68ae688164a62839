#include "invocation.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* How long an invocation may stay without a sign of life from the Go side
 * before C answers in its place. The system has no time-out of its own: without
 * this one a plug-in that hangs holds the login window for good. Go moves the
 * prompt's deadline on with everything that the person or the daemon does. */
#ifndef LATCHKEY_PROMPT_SECONDS
#define LATCHKEY_PROMPT_SECONDS 30
#endif
#ifndef LATCHKEY_GATE_SECONDS
#define LATCHKEY_GATE_SECONDS 60
#endif

static const char uid_key[] = "uid";
static const char ticket_key[] = "dev.latchkey.ticket";

/* A uid is four bytes. Some hosts pad it; nothing needs more than this. */
enum { UID_MAX_LENGTH = 64 };

struct invocation {
    atomic_uint references;
    atomic_bool over; /* written under the lock only */

    /* Recursive: a host may destroy or invoke the mechanism from inside its
     * SetResult. Held during calls to the host, so that invocation_abandon
     * waits for one that is under way. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct timespec deadline;
    uintptr_t asker; /* who in Go to tell that it is over; 0 is nobody */

    struct host host;
    AuthorizationEngineRef engine;
    struct question question;
    bool stale_ticket; /* the hint holds something from an earlier round */
};

/* ---- time ---- */

static void deadline_in(struct timespec *at, unsigned seconds)
{
    clock_gettime(CLOCK_MONOTONIC, at);
    at->tv_sec += seconds;
}

static bool passed(const struct timespec *at)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec > at->tv_sec || (now.tv_sec == at->tv_sec && now.tv_nsec >= at->tv_nsec);
}

#ifdef __APPLE__
static int condition_init(pthread_cond_t *condition)
{
    return pthread_cond_init(condition, NULL);
}

static void wait_until(pthread_cond_t *condition, pthread_mutex_t *lock, const struct timespec *at)
{
    struct timespec now, left;
    clock_gettime(CLOCK_MONOTONIC, &now);
    left.tv_sec = at->tv_sec - now.tv_sec;
    left.tv_nsec = at->tv_nsec - now.tv_nsec;
    if (left.tv_nsec < 0) {
        left.tv_sec--;
        left.tv_nsec += 1000000000L;
    }
    if (left.tv_sec >= 0)
        pthread_cond_timedwait_relative_np(condition, lock, &left);
}
#else
static int condition_init(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    int failed = pthread_condattr_init(&attributes);
    if (failed)
        return failed;
    failed = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    if (!failed)
        failed = pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
    return failed;
}

static void wait_until(pthread_cond_t *condition, pthread_mutex_t *lock, const struct timespec *at)
{
    pthread_cond_timedwait(condition, lock, at);
}
#endif

/* ---- life ---- */

static int recursive_init(pthread_mutex_t *lock)
{
    pthread_mutexattr_t attributes;
    int failed = pthread_mutexattr_init(&attributes);
    if (failed)
        return failed;
    failed = pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    if (!failed)
        failed = pthread_mutex_init(lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return failed;
}

struct invocation *invocation_new(const struct host *host, AuthorizationEngineRef engine, enum mechanism_kind kind)
{
    struct invocation *i = calloc(1, sizeof *i);
    if (!i)
        return NULL;
    if (recursive_init(&i->lock)) {
        free(i);
        return NULL;
    }
    if (condition_init(&i->changed)) {
        pthread_mutex_destroy(&i->lock);
        free(i);
        return NULL;
    }
    atomic_init(&i->references, 1);
    atomic_init(&i->over, false);
    i->host = *host;
    i->engine = engine;
    i->question.kind = kind;
    return i;
}

void invocation_retain(struct invocation *i)
{
    atomic_fetch_add(&i->references, 1);
}

void invocation_release(struct invocation *i)
{
    if (atomic_fetch_sub(&i->references, 1) != 1)
        return;
    pthread_cond_destroy(&i->changed);
    pthread_mutex_destroy(&i->lock);
    free(i);
}

bool invocation_over(struct invocation *i)
{
    return atomic_load(&i->over);
}

/* ---- the one result ---- */

/* Puts the ticket where the gate finds it. A ticket of an earlier round does
 * not stay: with none in this round, the hint is emptied. */
static void leave_ticket(struct invocation *i, const struct outcome *outcome)
{
    AuthorizationValue value = {outcome->ticket_size, (void *)outcome->ticket};

    if (i->question.kind != MECHANISM_PROMPT || !i->host.set_hint)
        return;
    if (outcome->ticket_size == TICKET_SIZE || i->stale_ticket)
        i->host.set_hint(i->engine, ticket_key, &value); /* where it fails, the gate finds no ticket and decides */
}

void invocation_deliver(struct invocation *i, const struct outcome *outcome)
{
    pthread_mutex_lock(&i->lock);
    if (!atomic_exchange(&i->over, true)) {
        if (outcome->allow)
            leave_ticket(i, outcome);
        i->host.set_result(i->engine, outcome->allow ? kAuthorizationResultAllow : kAuthorizationResultDeny);
        pthread_cond_broadcast(&i->changed); /* after the host has its result, for which a person waits */
    }
    pthread_mutex_unlock(&i->lock);
}

static void refuse(struct invocation *i)
{
    static const struct outcome deny;
    invocation_deliver(i, &deny);
}

void invocation_abandon(struct invocation *i)
{
    pthread_mutex_lock(&i->lock);
    atomic_store(&i->over, true);
    pthread_cond_broadcast(&i->changed);
    pthread_mutex_unlock(&i->lock);
}

/* ---- what Go calls ---- */

void invocation_alive(struct invocation *i, unsigned seconds)
{
    pthread_mutex_lock(&i->lock);
    deadline_in(&i->deadline, seconds);
    pthread_cond_broadcast(&i->changed);
    pthread_mutex_unlock(&i->lock);
}

bool invocation_tell(struct invocation *i, uintptr_t asker)
{
    pthread_mutex_lock(&i->lock);
    bool in_time = !atomic_load(&i->over);
    if (in_time)
        i->asker = asker;
    pthread_mutex_unlock(&i->lock);
    return in_time;
}

/* ---- threads ---- */

/* Answers in Go's place when the deadline passes, and tells Go when nobody
 * waits for an outcome any longer. It does so in every case, since the asker is
 * given back by that. */
static void *watch(void *argument)
{
    struct invocation *i = argument;

    pthread_mutex_lock(&i->lock);
    while (!atomic_load(&i->over)) {
        if (passed(&i->deadline))
            refuse(i); /* fails closed: whoever hung has proved nothing */
        else
            wait_until(&i->changed, &i->lock, &i->deadline);
    }
    uintptr_t asker = i->asker;
    pthread_mutex_unlock(&i->lock);
    if (asker)
        latchkeyOver(asker);
    invocation_release(i);
    return NULL;
}

static void *work(void *argument)
{
    struct invocation *i = argument;
    struct question question = i->question;
    struct outcome outcome;

    memset(&outcome, 0, sizeof outcome);
    latchkeyDecide(i, &question, &outcome);
    invocation_deliver(i, &outcome);
    memset(&outcome, 0, sizeof outcome);
    invocation_release(i);
    return NULL;
}

/* Starts a thread that owns one reference. It takes no signal: those are the
 * host's. */
static bool start(struct invocation *i, void *(*body)(void *))
{
    pthread_t thread;
    sigset_t all, before;

    invocation_retain(i);
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int failed = pthread_create(&thread, NULL, body, i);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        invocation_release(i);
        return false;
    }
    pthread_detach(thread);
    return true;
}

/* ---- the question ---- */

/* The account that the password was checked for, as builtin:authenticate wrote
 * it: raw bytes of a uid_t. */
static bool read_uid(struct invocation *i)
{
    AuthorizationContextFlags flags = 0;
    const AuthorizationValue *value = NULL;

    if (!i->host.get_context || i->host.get_context(i->engine, uid_key, &flags, &value) != kNoError)
        return false;
    if (!value || !value->data || value->length < sizeof i->question.uid || value->length > UID_MAX_LENGTH)
        return false;
    memcpy(&i->question.uid, value->data, sizeof i->question.uid);
    return true;
}

static void read_ticket(struct invocation *i)
{
    const AuthorizationValue *value = NULL;

    if (!i->host.get_hint || i->host.get_hint(i->engine, ticket_key, &value) != kNoError || !value)
        return;
    i->stale_ticket = value->length != 0;
    if (value->length != TICKET_SIZE || !value->data)
        return;
    memcpy(i->question.ticket, value->data, TICKET_SIZE);
    i->question.ticket_size = TICKET_SIZE;
}

void invocation_start(struct invocation *i)
{
    bool prompt = i->question.kind == MECHANISM_PROMPT;
    bool asks = i->question.kind != MECHANISM_REHEARSAL; /* for an account, which a rehearsal has none of */

    /* Refused by default: a name in the list that we do not know, or a list in
     * which nobody has checked a password before us. Deny, since it is what
     * every host takes for 'not yet'; Undefined would mean 'do not ask again'. */
    if (i->question.kind == MECHANISM_UNKNOWN || (asks && !read_uid(i))) {
        refuse(i);
        return;
    }
    if (asks)
        read_ticket(i);
    deadline_in(&i->deadline, prompt ? LATCHKEY_PROMPT_SECONDS : LATCHKEY_GATE_SECONDS);
    if (!start(i, watch) || !start(i, work))
        refuse(i); /* without a deadline nothing may begin */
}
