/* intern.c -- see cdc/intern.h. A hash table of chains, behind a mutex. */
#include "cdc/intern.h"

#include <pthread.h>
#include <stdlib.h>

#include "cdc/bytes.h"

struct interned {
    struct interned *next;
    uint64_t hash;
    size_t len;
    uint64_t bytes[]; /* for its alignment */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct interned **chains; /* nchains: a power of two, or 0 */
static size_t nchains, count;

static bool
grow(void)
{
    size_t more = nchains == 0 ? 64 : nchains * 2;
    struct interned **moved = calloc(more, sizeof(struct interned *));

    if (moved == NULL)
        return false;
    for (size_t i = 0; i < nchains; i++) {
        for (struct interned *it = chains[i], *next; it != NULL; it = next) {
            next = it->next;
            it->next = moved[it->hash & (more - 1)];
            moved[it->hash & (more - 1)] = it;
        }
    }
    free(chains);
    chains = moved;
    nchains = more;
    return true;
}

static struct interned *
find_or_make(uint64_t hash, const void *at, size_t len)
{
    struct interned *it;

    if (count >= nchains && !grow() && nchains == 0)
        return NULL;
    it = chains[hash & (nchains - 1)];
    while (it != NULL && (it->hash != hash || it->len != len || memcmp(it->bytes, at, len) != 0))
        it = it->next;
    if (it != NULL)
        return it;
    if (count == INTERNED_MAX || (it = malloc(sizeof(*it) + len)) == NULL)
        return NULL;
    it->next = chains[hash & (nchains - 1)];
    it->hash = hash;
    it->len = len;
    memcpy(it->bytes, at, len);
    chains[hash & (nchains - 1)] = it;
    count++;
    return it;
}

const void *
intern(const void *at, size_t len)
{
    uint64_t hash = bytes_hash(BYTES_HASH_SEED, at, len);
    const struct interned *it;

    pthread_mutex_lock(&lock);
    it = find_or_make(hash, at, len);
    pthread_mutex_unlock(&lock);
    return it != NULL ? it->bytes : NULL;
}

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
void
intern_forget(void)
{
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < nchains; i++) {
        for (struct interned *it = chains[i], *next; it != NULL; it = next) {
            next = it->next;
            free(it);
        }
    }
    free(chains);
    chains = NULL;
    nchains = count = 0;
    pthread_mutex_unlock(&lock);
}
#endif
