/*
 * gtid_bytes.c -- MySQL's binary form of a set, out and (any bytes) in; see cdc/gtid.h.
 *
 *     untagged    u8 n, n times: 16 bytes UUID, u8 m, m times: u8 first, u8 end (not in it)
 *     tagged      01, n in 6 bytes, 01, n times: UUID, u1 length of the tag * 2, tag, u8 m ...
 *
 * All little-endian. The length of a tag is a variable-length number of the server's serialization: the
 * lowest bit would say that more bytes follow, which no tag is long enough for. The servers write sorted
 * sets; what comes in is put in order all the same.
 */
#include <assert.h>

#include "gtid_set.h"

enum {
    TAGGED = 1,
    ORIGIN_BYTES = 16 + 8, /* at least */
    INTERVAL_BYTES = 16,
};

static bool
has_tags(const struct gtid_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        if (set->rows[i].origin->tag[0] != 0)
            return true;
    }
    return false;
}

void
gtid_set_encode(const struct gtid_set *set, struct buffer *out)
{
    bool tagged;

    assert(set->kind == GTID_MYSQL);
    tagged = has_tags(set);
    buffer_put_le64(out, tagged ? (uint64_t)TAGGED << 56 | (uint64_t)set->count << 8 | TAGGED : set->count);
    for (size_t i = 0; i < set->count; i++) {
        const struct gtid_row *row = &set->rows[i];
        size_t tag_len = strlen(row->origin->tag);

        buffer_put(out, row->origin->uuid, sizeof(row->origin->uuid));
        if (tagged) {
            buffer_put_u8(out, (uint8_t)(tag_len << 1));
            buffer_put(out, row->origin->tag, tag_len);
        }
        buffer_put_le64(out, row->count);
        for (size_t k = 0; k < row->count; k++) {
            buffer_put_le64(out, row->at[k].first);
            buffer_put_le64(out, row->at[k].end);
        }
    }
}

static int
unreadable(const char *what, struct error *err)
{
    return error_set(err, ERROR_CONFIG, "E_GTID", "a set of GTIDs in bytes is unreadable: %s", what);
}

static int
decode_origin(struct cursor *in, bool tagged, const struct gtid_origin **out, struct error *err)
{
    const uint8_t *uuid = cursor_take(in, 16);
    uint8_t tag_size = tagged ? cursor_u8(in) : 0;
    struct bytes tag = cursor_bytes(in, tag_size >> 1);

    if (cursor_short(in))
        return unreadable("it ends inside a UUID", err);
    if ((tag_size & 1) != 0)
        return unreadable("a tag is too long", err);
    *out = gtid_origin(uuid, (const char *)tag.at, tag.len);
    return *out != NULL ? 0 : unreadable("a tag has a wrong character, or there is no memory for it", err);
}

static int
decode_intervals(struct cursor *in, const struct gtid_origin *origin, struct gtid_spans *spans,
                 struct error *err)
{
    uint64_t count = cursor_le64(in);

    if (cursor_short(in) || count > cursor_left(in) / INTERVAL_BYTES)
        return unreadable("it ends inside a UUID's intervals", err);
    for (; count > 0; count--) {
        uint64_t first = cursor_le64(in);
        uint64_t end = cursor_le64(in);

        if (first < 1 || end <= first || end > GTID_NUMBER_MAX + 1)
            return unreadable("an interval is empty or out of bounds", err);
        if (gtid_spans_put(spans, origin, (struct gtid_interval){first, end}, err) == -1)
            return -1;
    }
    return 0;
}

static int
decode_spans(struct cursor *in, struct gtid_spans *spans, struct error *err)
{
    uint64_t head = cursor_le64(in);
    bool tagged = head >> 56 == TAGGED && (head & 0xff) == TAGGED;
    uint64_t count = tagged ? head << 8 >> 16 : head;

    if (cursor_short(in) || count > cursor_left(in) / ORIGIN_BYTES)
        return unreadable("it is shorter than it says", err);
    if (count > GTID_ORIGINS_MAX)
        return unreadable("it has too many UUIDs", err);
    for (; count > 0; count--) {
        const struct gtid_origin *origin;

        if (decode_origin(in, tagged, &origin, err) == -1 || decode_intervals(in, origin, spans, err) == -1)
            return -1;
    }
    return cursor_done(in) ? 0 : unreadable("there is more behind it", err);
}

int
gtid_set_decode(struct gtid_set **out, struct bytes in, struct error *err)
{
    struct cursor cursor = cursor_of(in);
    struct gtid_spans spans = {0};
    int done = decode_spans(&cursor, &spans, err);

    if (done == 0)
        done = gtid_spans_build(&spans, out, err);
    gtid_spans_free(&spans);
    return done;
}
