/* arena.c -- see cdc/arena.h. Blocks in a list, the newest first; no state of its own. */
#include "cdc/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { BLOCK_BYTES = 8192 };

struct arena_block {
    struct arena_block *next;
    size_t size; /* of the room after this header */
};

static uint8_t *
block_room(struct arena_block *block)
{
    return (uint8_t *)block + ((sizeof(*block) + 15u) & ~(size_t)15u);
}

void *
arena_alloc_slow(struct arena *arena, size_t size)
{
    size_t header = (sizeof(struct arena_block) + 15u) & ~(size_t)15u;
    size_t room, rounded;
    struct arena_block *block;

    if (__builtin_add_overflow(size == 0 ? 1 : size, 15u, &rounded))
        return NULL;
    rounded &= ~(size_t)15u;
    if ((size_t)(arena->end - arena->at) < rounded) {
        room = rounded > BLOCK_BYTES ? rounded : BLOCK_BYTES;
        if (room > SIZE_MAX - header)
            return NULL;
        block = malloc(header + room);
        if (block == NULL)
            return NULL;
        block->next = arena->first;
        block->size = room;
        arena->first = block;
        arena->at = block_room(block);
        arena->end = arena->at + room;
        arena->total += header + room;
    }
    void *at = arena->at;
    arena->at += rounded;
    memset(at, 0, rounded);
    return at;
}

void *
arena_array(struct arena *arena, size_t count, size_t size)
{
    size_t total;

    if (__builtin_mul_overflow(count, size, &total))
        return NULL;
    return arena_alloc(arena, total);
}

void *
arena_copy(struct arena *arena, const void *at, size_t len)
{
    void *copy = arena_alloc(arena, len);

    if (copy != NULL && len > 0)
        memcpy(copy, at, len);
    return copy;
}

char *
arena_strdup(struct arena *arena, const char *s)
{
    return arena_copy(arena, s, strlen(s) + 1);
}

char *
arena_printf(struct arena *arena, const char *fmt, ...)
{
    va_list args, again;
    char *at = NULL;
    int n;

    va_start(args, fmt);
    va_copy(again, args);
    n = vsnprintf(NULL, 0, fmt, args);
    if (n >= 0)
        at = arena_alloc(arena, (size_t)n + 1);
    if (at != NULL)
        vsnprintf(at, (size_t)n + 1, fmt, again);
    va_end(again);
    va_end(args);
    return at;
}

void
arena_reset(struct arena *arena)
{
    struct arena_block *keep = arena->first;

    if (keep == NULL)
        return;
    /* Keep the newest block if it is of the usual size: a huge row's block goes. */
    for (struct arena_block *block = keep->next; block != NULL;) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
    keep->next = NULL;
    if (keep->size > BLOCK_BYTES) {
        free(keep);
        *arena = (struct arena){0};
        return;
    }
    arena->at = block_room(keep);
    arena->end = arena->at + keep->size;
    arena->total = keep->size;
}

void
arena_free(struct arena *arena)
{
    for (struct arena_block *block = arena->first; block != NULL;) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
    *arena = (struct arena){0};
}
