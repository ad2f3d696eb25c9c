/*
 * binlog_compressed.c -- values of MariaDB's COMPRESSED columns.
 *
 *     ""           is an empty value
 *     u8 0 to 15   what follows is the value
 *     u8 0x80 | raw << 3 | n    n bytes of its length, high first, then deflate (raw: without a
 *                               header of zlib's)
 *
 * Pure; any thread; results are borrowed or live in the arena.
 */
#include "binlog_types_internal.h"

#include <zlib.h>

enum {
    METHOD_ZLIB = 8,
    RATIO_MAX = 1032, /* deflate makes no more than that of a byte */
};
#define LENGTH_MAX (UINT64_C(1) << 30)

static int
inflate_all(struct bytes packed, bool raw, uint8_t *out, size_t len)
{
    z_stream stream = {
        .next_in = (Bytef *)(uintptr_t)packed.at, /* not written to */
        .avail_in = (uInt)packed.len,
        .next_out = out,
        .avail_out = (uInt)len,
    };
    int status = inflateInit2(&stream, raw ? -MAX_WBITS : MAX_WBITS);

    if (status != Z_OK)
        return -1;
    status = inflate(&stream, Z_FINISH);
    inflateEnd(&stream);
    if (status == Z_MEM_ERROR)
        return -1;
    return status == Z_STREAM_END && stream.avail_out == 0 && stream.avail_in == 0 ? 0 : 1;
}

int
binlog_decompress(struct bytes packed, struct arena *arena, struct bytes *out)
{
    struct cursor in = cursor_of(packed);
    uint8_t head = cursor_u8(&in);
    uint64_t len;
    uint8_t *room;
    int status;

    if (head >> 4 == 0) { /* an empty one has a head of zero too */
        *out = bytes_of(in.at, cursor_left(&in));
        return 0;
    }
    len = cursor_be(&in, head & 7);
    if (head >> 4 != METHOD_ZLIB || cursor_short(&in) || len > LENGTH_MAX ||
        cursor_left(&in) > LENGTH_MAX)
        return 1;
    if (len / RATIO_MAX > cursor_left(&in)) /* no memory for what can't be true */
        return 1;
    room = arena_alloc(arena, (size_t)len);
    if (room == NULL)
        return -1;
    status = inflate_all(bytes_of(in.at, cursor_left(&in)), head & 8, room, (size_t)len);
    if (status == 0)
        *out = bytes_of(room, (size_t)len);
    return status;
}
