/*
 * schema_change.c -- a statement that changes tables, as an event of a topic of its own.
 *
 *     key     {"databaseName":"shop"}
 *     value   {"id":...,"ts_us":...,"databaseName":"shop","ddl":"ALTER TABLE ...","gtid":...,"file":...,"pos":...}
 *
 * JSON on every sink: it is for people and for tools that read a log of changes; the shape of each row is in the
 * row's own schema. Nothing is parsed, so there is no list of tables in it.
 *
 * Any shape thread; what it needs of the encoder never changes.
 */
#include "cdc/json.h"
#include "plan.h"

static void
put_value(struct buffer *out, const struct batch *batch, const struct frame *frame, const char *database,
          struct bytes ddl, const char *id)
{
    const struct transaction *transaction = &batch->transactions[frame->transaction].id;
    char gtid[GTID_TEXT_MAX], file[LOG_FILE_MAX];

    json_member(out, "{", "id", id);
    buffer_put_string(out, ",\"ts_us\":");
    json_int(out, transaction->commit_us);
    json_member(out, ",", "databaseName", database);
    buffer_put_string(out, ",\"ddl\":");
    json_text(out, ddl);
    buffer_put_string(out, ",\"gtid\":");
    if (transaction->gtid.number != 0)
        json_text(out, bytes_of(gtid, gtid_print(&transaction->gtid, gtid)));
    else
        buffer_put_string(out, "null");
    if (transaction->begin.number != 0) {
        buffer_put_string(out, ",\"file\":");
        json_text(out, bytes_of(file, log_file_print(&transaction->begin, file)));
    }
    buffer_put_string(out, ",\"pos\":");
    json_uint(out, frame->lsn);
    buffer_put_string(out, "}");
}

int
encoder_schema_change(struct encoder *encoder, const struct batch *batch, uint32_t index,
                      struct events *out, struct error *err)
{
    const struct frame *frame = &batch->frames[index];
    struct cursor in = cursor_of(batch_message(batch, frame));
    const char *database = cursor_string(&in, NULL);
    struct route *route = encoder_schema_route(encoder);
    struct buffer *bytes = &out->encoded;
    size_t key = bytes->len, value;
    struct event *event;
    char id[EVENT_ID_MAX];

    if (route == NULL)
        return 0;
    event_id_text(&batch->transactions[frame->transaction].id, frame->ordinal, 0, 0, id);
    json_member(bytes, "{", "databaseName", database);
    buffer_put_string(bytes, "}");
    value = bytes->len;
    put_value(bytes, batch, frame, database, bytes_of(in.at, cursor_left(&in)), id);
    event = events_add(out, err);
    if (event == NULL)
        return -1;
    if (buffer_failed(bytes) || bytes->len > UINT32_MAX)
        return error_set(err, ERROR_FATAL, "", "out of memory for the events of a batch");
    *event = (struct event){.route = route, .frame = index, .key_offset = (uint32_t)key,
                            .key_length = (uint32_t)(value - key), .value_offset = (uint32_t)value,
                            .value_length = (uint32_t)(bytes->len - value)};
    return 0;
}
