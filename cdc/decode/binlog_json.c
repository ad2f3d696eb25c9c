/*
 * binlog_json.c -- a binary JSON document to text, piece by piece, without a tree.
 *
 * Pure; any thread. The recursion is as deep as the document, BINLOG_JSON_DEPTH_MAX at most.
 */
#include "binlog_json_internal.h"

#include <errno.h>

#include "cdc/json.h"

static int
put_container(const struct binlog_json_piece *piece, unsigned depth, struct buffer *out,
              struct error *err)
{
    struct binlog_json_container container;
    struct binlog_json_entry entry;

    if (depth >= BINLOG_JSON_DEPTH_MAX)
        return binlog_json_bad(err, "nested more deeply than the server allows");
    if (binlog_json_open(piece, &container, err) == -1)
        return -1;
    buffer_put_u8(out, container.is_object ? '{' : '[');
    for (uint32_t i = 0; i < container.count; i++) {
        if (binlog_json_take(&container, i, &entry, err) == -1)
            return -1;
        if (i > 0)
            buffer_put(out, ", ", 2);
        if (container.is_object) {
            json_text(out, entry.key);
            buffer_put(out, ": ", 2);
        }
        if (binlog_json_put(&entry.value, depth + 1, out, err) == -1)
            return -1;
    }
    buffer_put_u8(out, container.is_object ? '}' : ']');
    return 0;
}

int
binlog_json_put(const struct binlog_json_piece *piece, unsigned depth, struct buffer *out,
                struct error *err)
{
    int status = binlog_json_is_object(piece) || binlog_json_is_array(piece)
                     ? put_container(piece, depth, out, err)
                     : binlog_json_put_scalar(piece, out, err);

    return buffer_failed(out) ? -1 : status;
}

struct binlog_json_mark
binlog_json_begin(struct buffer *out)
{
    struct binlog_json_mark mark = {out->len, out->max, out->failed};
    size_t limit = out->len + BINLOG_JSON_TEXT_MAX;

    if (out->max == 0 || out->max > limit)
        out->max = limit;
    errno = 0; /* tells a buffer that is full from a system that is */
    return mark;
}

int
binlog_json_end(struct buffer *out, struct binlog_json_mark mark, int status, struct error *err)
{
    bool no_memory = buffer_failed(out) && errno == ENOMEM;
    bool too_long = buffer_failed(out) || out->len - mark.len > BINLOG_JSON_TEXT_MAX;

    out->max = mark.max;
    if (status == 0 && !too_long)
        return 0;
    out->len = mark.len;
    out->failed = mark.failed;
    if (no_memory)
        return error_set(err, ERROR_FATAL, "", "out of memory for the text of a JSON document");
    return too_long ? binlog_json_bad(err, "its text is too long") : -1;
}

int
binlog_json_text(struct bytes document, struct buffer *out, struct error *err)
{
    struct binlog_json_mark mark = binlog_json_begin(out);
    struct binlog_json_piece root;
    int status = binlog_json_root(document, &root, err);

    if (status == 0)
        status = binlog_json_put(&root, 0, out, err);
    return binlog_json_end(out, mark, status, err);
}
