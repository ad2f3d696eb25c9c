/*
 * offset.c -- a sink's position as one JSON object, out and in.
 *
 *     {"v":1,"state":"at","position":"lsn:0/16B3748","source":"postgresql:7301/shop",
 *      "timeline":1,"options":"5f0c...","epoch":3,"batch_no":812,"written_us":1718000000000000}
 *
 * A binlog's is of version 2 and may have "server" (who wrote the file that the position names) and "xa", a
 * list of {"xid":...,"gtid":...,"at":"binlog.000003/1234"}.
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
#include "cdc/xa.h"

enum {
    VERSION = 2,
    RECORD_BYTES_MAX = 2 * 1024 * 1024, /* a GTID set of a megabyte is the limit there */
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
offset_clear(struct offset *offset)
{
    position_clear(&offset->position);
    *offset = (struct offset){.state = OFFSET_NONE};
}

void
offset_copy(struct offset *to, const struct offset *from)
{
    struct position position = to->position;

    position_copy(&position, &from->position);
    *to = *from;
    to->position = position;
}

void
offset_move(struct offset *to, struct offset *from)
{
    position_clear(&to->position);
    *to = *from;
    *from = (struct offset){.state = OFFSET_NONE};
}

static void
put_xa(const struct xa_list *list, struct buffer *out)
{
    char text[TRANSACTION_TEXT_MAX];
    size_t n;

    buffer_put_string(out, ",\"xa\":[");
    for (uint32_t i = 0; i < list->count; i++) {
        const struct xa_prepared *xa = &list->at[i];

        buffer_put_string(out, i > 0 ? ",{\"xid\":" : "{\"xid\":");
        json_cstring(out, xa->xid);
        buffer_put_string(out, ",\"gtid\":");
        if (xa->gtid.number != 0)
            gtid_print(&xa->gtid, text);
        json_cstring(out, xa->gtid.number != 0 ? text : "");
        n = log_file_print(&xa->begin, text);
        snprintf(text + n, sizeof(text) - n, "/%llu", (unsigned long long)xa->begin.pos);
        buffer_put_string(out, ",\"at\":");
        json_cstring(out, text);
        buffer_put_string(out, "}");
    }
    buffer_put_string(out, "]");
}

static void
put_place(const struct place *place, struct buffer *out)
{
    buffer_put_string(out, ",\"server\":");
    json_cstring(out, place->server);
    if (place->xa != NULL)
        put_xa(place->xa, out);
}

void
offset_encode(const struct offset *offset, struct buffer *out)
{
    struct buffer position = {0};

    position_put(&offset->position, &position);
    buffer_printf(out, "{\"v\":%d,\"state\":\"%s\",\"position\":",
                  offset->position.kind == POSITION_BINLOG ? 2 : 1, state_name(offset->state));
    json_cstring(out, buffer_cstr(&position));
    if (buffer_failed(&position))
        out->failed = true;
    buffer_free(&position);
    if (offset->position.kind == POSITION_BINLOG)
        put_place(offset->position.place, out);
    buffer_put_string(out, ",\"source\":");
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

/* "binlog.000003/1234" */
static bool
take_file(const char *text, struct log_place *out)
{
    struct position pos = {.kind = POSITION_NONE};
    char file[LOG_FILE_MAX + 32];
    bool good;

    snprintf(file, sizeof(file), "file:%s", text);
    good = position_parse(&pos, file, NULL) == 0 && pos.open == 0;
    if (good)
        *out = pos.place->at;
    position_clear(&pos);
    return good;
}

static int
take_xa_entry(const json_t *entry, struct xa_list **list, struct error *err)
{
    struct xa_prepared xa = {.xid = ""};
    struct xa_list *more;
    char gtid[GTID_TEXT_MAX], at[LOG_FILE_MAX + 24];

    if (!json_is_object(entry) || take_text(entry, "xid", xa.xid, sizeof(xa.xid), err) == -1 ||
        take_text(entry, "gtid", gtid, sizeof(gtid), err) == -1 ||
        take_text(entry, "at", at, sizeof(at), err) == -1)
        return corrupt(err, "xa");
    if (xa.xid[0] == 0 || (gtid[0] != 0 && gtid_parse(&xa.gtid, gtid, NULL) == -1) ||
        !take_file(at, &xa.begin) || xa_with(*list, &xa, &more, NULL) == -1)
        return corrupt(err, "xa");
    xa_release(*list);
    *list = more;
    return 0;
}

static int
take_place(const json_t *record, struct place *place, struct error *err)
{
    const json_t *xa = json_object_get(record, "xa"), *entry;
    char server[SERVER_NAME_MAX];
    size_t i;

    if (take_text(record, "server", server, sizeof(server), err) == -1)
        return -1;
    if (place->server[0] != 0 && strcmp(place->server, server) != 0)
        return corrupt(err, "server");
    memcpy(place->server, server, sizeof(server));
    if (xa != NULL && !json_is_array(xa))
        return corrupt(err, "xa");
    json_array_foreach(xa, i, entry)
    {
        if (take_xa_entry(entry, &place->xa, err) == -1)
            return -1;
    }
    for (uint32_t k = 0; place->xa != NULL && place->set != NULL && k < place->xa->count; k++) {
        bool mysql = place->xa->at[k].gtid.origin != NULL;

        if (place->xa->at[k].gtid.number != 0 && mysql != (gtid_set_kind(place->set) == GTID_MYSQL))
            return corrupt(err, "xa");
    }
    return 0;
}

static int
take_position(const json_t *record, struct offset *out, struct error *err)
{
    const json_t *field = json_object_get(record, "position");

    /* "none" is a position for people, never one to resume at. */
    if (!json_is_string(field) || position_parse(&out->position, json_string_value(field), NULL) == -1 ||
        out->position.kind == POSITION_NONE)
        return corrupt(err, "position");
    if (out->position.kind == POSITION_BINLOG)
        return take_place(record, out->position.place, err);
    return 0;
}

static int
take_state(const json_t *record, struct offset *out, struct error *err)
{
    const char *text = json_string_value(json_object_get(record, "position"));
    char state[16];
    if (take_text(record, "state", state, sizeof(state), err) == -1)
        return -1;
    if (text == NULL)
        return corrupt(err, "position");
    if (strcmp(state, "starting") == 0 && strcmp(text, "none") == 0) {
        out->state = OFFSET_STARTING;
        return 0;
    }
    if (strcmp(state, "at") != 0)
        return corrupt(err, "state");
    if (take_position(record, out, err) == -1)
        return -1;
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
        return corrupt(err, record.len == 0 ? "it is empty" : "it is larger than 2 MiB");
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
    else
        offset_clear(&offset);
    return rc;
}
