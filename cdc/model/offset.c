/*
 * offset.c -- a sink's position as one JSON object, out and in.
 *
 *     {"v":1,"state":"at","position":"lsn:0/16B3748","source":"postgresql:7301/shop",
 *      "timeline":1,"options":"5f0c...","epoch":3,"batch_no":812,"written_us":1718000000000000}
 *
 * What comes in may be anything: it is another process's memory, a topic that somebody wrote
 * into, a file from a backup. It is taken only when every field is there, has its type and
 * keeps its bound; nothing is guessed and nothing defaults, because a wrong position loses
 * rows in silence. Fields that are not known are passed over, so that a later version may add
 * some that an older one can do without; one that it can't do without raises "v".
 */
#include "cdc/offset.h"

#include <stdio.h>

#include <jansson.h>

#include "cdc/json.h"

enum {
    VERSION = 1,
    RECORD_BYTES_MAX = 64 * 1024,
};

static const char *
state_name(enum offset_state state)
{
    switch (state) {
    case OFFSET_STARTING:
        return "starting";
    case OFFSET_AT:
        return "at";
    case OFFSET_NONE:
        break;
    }
    return "none";
}

void
offset_encode(const struct offset *offset, struct buffer *out)
{
    char position[POSITION_TEXT_MAX];
    buffer_printf(out, "{\"v\":%d,\"state\":\"%s\",\"position\":\"%s\",\"source\":", VERSION,
                  state_name(offset->state), position_print(&offset->position, position));
    json_cstring(out, offset->source.id);
    buffer_printf(out, ",\"timeline\":%u,\"options\":", offset->source.timeline);
    json_cstring(out, offset->options_hash);
    buffer_put_string(out, ",\"epoch\":");
    json_uint(out, offset->epoch);
    buffer_put_string(out, ",\"batch_no\":");
    json_uint(out, offset->batch_no);
    buffer_put_string(out, ",\"written_us\":");
    json_int(out, offset->written_us);
    buffer_put_string(out, "}");
}

static int
corrupt(struct error *err, const char *what)
{
    return error_set(err, ERROR_REFUSED, "E_OFFSET_CORRUPT", "the offset record is unreadable: %s",
                     what);
}

/* Printable text that fits into `size` bytes with its NUL. jansson has checked the UTF-8 and
 * refuses NUL characters. */
static int
take_text(const json_t *record, const char *name, char *out, size_t size, struct error *err)
{
    const json_t *field = json_object_get(record, name);
    size_t len = json_string_length(field);
    if (!json_is_string(field) || len >= size)
        return corrupt(err, name);
    memcpy(out, json_string_value(field), len);
    out[len] = '\0';
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)out[i];
        if (c < 0x20 || c == 0x7f)
            return corrupt(err, name);
    }
    return 0;
}

static int
take_number(const json_t *record, const char *name, uint64_t max, uint64_t *out, struct error *err)
{
    const json_t *field = json_object_get(record, name);
    if (!json_is_integer(field) || json_integer_value(field) < 0 ||
        (uint64_t)json_integer_value(field) > max)
        return corrupt(err, name);
    *out = (uint64_t)json_integer_value(field);
    return 0;
}

static int
take_state(const json_t *record, struct offset *out, struct error *err)
{
    char state[16], text[POSITION_TEXT_MAX];
    if (take_text(record, "state", state, sizeof(state), err) == -1 ||
        take_text(record, "position", text, sizeof(text), err) == -1)
        return -1;
    if (strcmp(state, "starting") == 0 && strcmp(text, "none") == 0) {
        out->state = OFFSET_STARTING;
        return 0;
    }
    if (strcmp(state, "at") != 0)
        return corrupt(err, "state");
    /* "none" is a position for people, never one to resume at. */
    if (strcmp(text, "none") == 0 || position_parse(&out->position, text, NULL) == -1 ||
        out->position.kind == POSITION_NONE)
        return corrupt(err, "position");
    out->state = OFFSET_AT;
    return 0;
}

static int
take_record(const json_t *record, struct offset *out, struct error *err)
{
    uint64_t timeline, written_us;
    if (take_state(record, out, err) == -1 ||
        take_text(record, "source", out->source.id, sizeof(out->source.id), err) == -1 ||
        take_text(record, "options", out->options_hash, sizeof(out->options_hash), err) == -1 ||
        take_number(record, "timeline", UINT32_MAX, &timeline, err) == -1 ||
        take_number(record, "epoch", INT64_MAX, &out->epoch, err) == -1 ||
        take_number(record, "batch_no", INT64_MAX, &out->batch_no, err) == -1 ||
        take_number(record, "written_us", INT64_MAX, &written_us, err) == -1)
        return -1;
    out->source.timeline = (uint32_t)timeline;
    out->written_us = (int64_t)written_us;
    return 0;
}

static int
check_version(const json_t *record, struct error *err)
{
    const json_t *version = json_object_get(record, "v");
    if (!json_is_integer(version) || json_integer_value(version) < 1)
        return corrupt(err, "v");
    if (json_integer_value(version) > VERSION)
        return error_set(err, ERROR_REFUSED, "E_OFFSET_VERSION",
                         "the offset record is of version %lld, which a newer rowferry wrote; this "
                         "one reads version %d",
                         (long long)json_integer_value(version), VERSION);
    return 0;
}

int
offset_decode(struct offset *out, struct bytes record, struct error *err)
{
    struct offset offset;
    json_error_t why;
    json_t *root;
    int rc;
    memset(&offset, 0, sizeof(offset));
    if (record.len == 0 || record.len > RECORD_BYTES_MAX)
        return corrupt(err, record.len == 0 ? "it is empty" : "it is larger than 64 KiB");
    root = json_loadb((const char *)record.at, record.len, JSON_REJECT_DUPLICATES, &why);
    if (root == NULL)
        return corrupt(err, "it is not JSON");
    if (!json_is_object(root))
        rc = corrupt(err, "it is not a JSON object");
    else
        rc = check_version(root, err) == -1 ? -1 : take_record(root, &offset, err);
    json_decref(root);
    if (rc == 0)
        *out = offset;
    return rc;
}
