/* progress.c -- see progress.h. */
#include "progress.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "cdc/batch.h"

struct progress {
    pthread_mutex_t lock;
    int nsinks;
    struct {
        uint64_t seq;
        struct position end;
    } sink[BATCH_SINKS_MAX];
};

struct progress *
progress_new(int nsinks)
{
    struct progress *progress = calloc(1, sizeof(*progress));

    if (progress == NULL)
        return NULL;
    pthread_mutex_init(&progress->lock, NULL);
    progress->nsinks = nsinks;
    return progress;
}

void
progress_free(struct progress *progress)
{
    if (progress == NULL)
        return;
    for (int i = 0; i < progress->nsinks; i++)
        position_clear(&progress->sink[i].end);
    pthread_mutex_destroy(&progress->lock);
    free(progress);
}

void
progress_commit(struct progress *progress, int sink, uint64_t seq, const struct position *end)
{
    pthread_mutex_lock(&progress->lock);
    assert(seq >= progress->sink[sink].seq);
    progress->sink[sink].seq = seq;
    position_copy(&progress->sink[sink].end, end);
    pthread_mutex_unlock(&progress->lock);
}

struct position
progress_min(struct progress *progress)
{
    struct position end = {.kind = POSITION_NONE};
    uint64_t seq;

    pthread_mutex_lock(&progress->lock);
    seq = progress->sink[0].seq;
    position_copy(&end, &progress->sink[0].end);
    for (int i = 1; i < progress->nsinks; i++) {
        if (progress->sink[i].seq == seq) {
            /* they differ while one is NONE only */
            struct position both = position_meet(&end, &progress->sink[i].end);

            position_move(&end, &both);
        } else if (progress->sink[i].seq < seq) {
            seq = progress->sink[i].seq;
            position_copy(&end, &progress->sink[i].end);
        }
    }
    pthread_mutex_unlock(&progress->lock);
    return end;
}
