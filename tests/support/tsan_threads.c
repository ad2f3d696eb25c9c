/*
 * tsan_threads.c -- C11's threads as pthreads, linked into the TSan variant only.
 *
 * librdkafka makes its threads and locks with <threads.h>, which gcc 12's TSan does not know: a thread that
 * it has not seen begin crashes in its next system call. The program's own definitions take precedence over
 * glibc's, and through pthreads TSan sees both threads and locks. The types are the same underneath: glibc
 * casts just as it is done here.
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

_Static_assert(sizeof(mtx_t) >= sizeof(pthread_mutex_t), "a mutex is a mutex");
_Static_assert(sizeof(cnd_t) >= sizeof(pthread_cond_t), "a condition is a condition");

struct beginning {
    thrd_start_t function;
    void *arg;
};

static void *
begin(void *at)
{
    struct beginning b = *(struct beginning *)at;

    free(at);
    return (void *)(intptr_t)b.function(b.arg);
}

static int
result_of(int error)
{
    switch (error) {
    case 0:
        return thrd_success;
    case EBUSY:
        return thrd_busy;
    case ETIMEDOUT:
        return thrd_timedout;
    case ENOMEM:
        return thrd_nomem;
    default:
        return thrd_error;
    }
}

int
thrd_create(thrd_t *thread, thrd_start_t function, void *arg)
{
    struct beginning *b = malloc(sizeof(*b));

    if (b == NULL)
        return thrd_nomem;
    *b = (struct beginning){function, arg};
    return result_of(pthread_create(thread, NULL, begin, b));
}

int
thrd_join(thrd_t thread, int *result)
{
    void *value = NULL;
    int error = pthread_join(thread, &value);

    if (result != NULL)
        *result = (int)(intptr_t)value;
    return result_of(error);
}

static pthread_mutex_t *
mutex(mtx_t *m)
{
    return (pthread_mutex_t *)m;
}

static pthread_cond_t *
condition(cnd_t *c)
{
    return (pthread_cond_t *)c;
}

int
mtx_init(mtx_t *m, int type)
{
    pthread_mutexattr_t attr;
    int error;

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, (type & mtx_recursive) ? PTHREAD_MUTEX_RECURSIVE : PTHREAD_MUTEX_NORMAL);
    error = pthread_mutex_init(mutex(m), &attr);
    pthread_mutexattr_destroy(&attr);
    return result_of(error);
}

int
mtx_lock(mtx_t *m)
{
    return result_of(pthread_mutex_lock(mutex(m)));
}

int
mtx_trylock(mtx_t *m)
{
    return result_of(pthread_mutex_trylock(mutex(m)));
}

int
mtx_unlock(mtx_t *m)
{
    return result_of(pthread_mutex_unlock(mutex(m)));
}

void
mtx_destroy(mtx_t *m)
{
    pthread_mutex_destroy(mutex(m));
}

int
cnd_init(cnd_t *c)
{
    return result_of(pthread_cond_init(condition(c), NULL));
}

int
cnd_wait(cnd_t *c, mtx_t *m)
{
    return result_of(pthread_cond_wait(condition(c), mutex(m)));
}

int
cnd_timedwait(cnd_t *restrict c, mtx_t *restrict m, const struct timespec *restrict until)
{
    return result_of(pthread_cond_timedwait(condition(c), mutex(m), until));
}

int
cnd_signal(cnd_t *c)
{
    return result_of(pthread_cond_signal(condition(c)));
}

int
cnd_broadcast(cnd_t *c)
{
    return result_of(pthread_cond_broadcast(condition(c)));
}

void
cnd_destroy(cnd_t *c)
{
    pthread_cond_destroy(condition(c));
}
