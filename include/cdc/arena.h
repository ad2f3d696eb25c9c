/*
 * arena.h -- zeroed memory that is given back all at once.
 *
 * A batch owns an arena; relations own one; a shape thread has a scratch arena that is
 * reset after each change. Asking for zero bytes gives a valid pointer.
 *
 * Threads: an arena belongs to one thread at a time. Errors: NULL when out of memory.
 */
#ifndef CDC_ARENA_H
#define CDC_ARENA_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct arena_block;

struct arena {
    struct arena_block *first; /* the newest block */
    uint8_t *at;               /* free room in it */
    uint8_t *end;
    size_t total; /* bytes held from the system */
};

void *arena_alloc_slow(struct arena *, size_t size);

/* `size` zeroed bytes, aligned to 16. */
static inline void *
arena_alloc(struct arena *arena, size_t size)
{
    size_t rounded = (size + 15u) & ~(size_t)15u;
    uint8_t *at = arena->at;
    if (rounded < size || (size_t)(arena->end - at) < rounded || rounded == 0)
        return arena_alloc_slow(arena, size);
    arena->at += rounded;
    memset(at, 0, rounded);
    return at;
}

/* count * size, refused on overflow. */
void *arena_array(struct arena *, size_t count, size_t size);
char *arena_strdup(struct arena *, const char *);
char *arena_printf(struct arena *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void *arena_copy(struct arena *, const void *at, size_t len);

/* Forget everything, keep one block for the next use. */
void arena_reset(struct arena *);
void arena_free(struct arena *);

#endif
