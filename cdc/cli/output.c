/*
 * output.c -- what commands print: into a buffer first, then out in one go.
 *
 * Foreign texts go through plain_put, so that they can't move the operator's cursor; JSON escapes its own.
 */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "cdc/json.h"
#include "cdc/plain.h"
#include "cli.h"

const char *
cli_time(int64_t wall_us, char *text)
{
    time_t seconds = (time_t)(wall_us / 1000000);
    struct tm parts;
    text[0] = '\0';
    if (wall_us > 0 && gmtime_r(&seconds, &parts) != NULL)
        strftime(text, CLI_TIME_MAX, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return text;
}

const char *
cli_offset_text(const struct offset *offset, char *text)
{
    if (offset->state == OFFSET_AT)
        return position_print(&offset->position, text);
    snprintf(text, POSITION_TEXT_MAX, "%s", offset->state == OFFSET_STARTING ? "starting" : "none");
    return text;
}

void
cli_put_offset(struct buffer *out, const struct offset *offset)
{
    if (offset->state == OFFSET_AT)
        position_put(&offset->position, out);
    else
        buffer_put_string(out, offset->state == OFFSET_STARTING ? "starting" : "none");
}

void
cli_json_offset(struct buffer *out, const char *before, const char *name, const struct offset *offset)
{
    struct buffer text = {0};
    cli_put_offset(&text, offset);
    json_member(out, before, name, buffer_cstr(&text));
    if (buffer_failed(&text))
        out->failed = true;
    buffer_free(&text);
}

void
cli_put_distance(struct buffer *out, const struct distance *distance)
{
    switch (distance->unit) {
    case DISTANCE_BYTES:
        plain_put_bytes(out, distance->amount);
        break;
    case DISTANCE_TRANSACTIONS:
        buffer_printf(out, "%" PRIu64 " transaction%s", distance->amount, distance->amount == 1 ? "" : "s");
        break;
    case DISTANCE_UNKNOWN:
        buffer_put_string(out, "an unknown part of the log");
        break;
    }
}

void
cli_json_distance(struct buffer *out, const char *prefix, const struct distance *distance)
{
    buffer_printf(out, ",\"%s%s\":", prefix,
                  distance->unit == DISTANCE_BYTES ? "bytes" : "transactions");
    if (distance->unit == DISTANCE_UNKNOWN)
        buffer_put_string(out, "null");
    else
        json_uint(out, distance->amount);
}

int
cli_finish(struct buffer *out, int status)
{
    bool whole =
        !buffer_failed(out) && (out->len == 0 || fwrite(out->at, 1, out->len, stdout) == out->len);
    buffer_free(out);
    if (fflush(stdout) != 0 || !whole) {
        fprintf(stderr, "rowferry: standard output can't be written\n");
        return CLI_EXIT_NO;
    }
    return status;
}

int
cli_fail(bool json, const struct error *err)
{
    struct buffer line = {0};
    buffer_printf(&line, "rowferry: %s%s", err->code, err->code[0] != '\0' ? ": " : "");
    plain_put(&line, err->text);
    fprintf(stderr, "%s\n", buffer_cstr(&line));
    buffer_free(&line);
    if (json) {
        struct buffer out = {0};
        json_member(&out, "{\"error\":{", "kind", error_kind_name(err->kind));
        json_member(&out, ",", "code", err->code);
        json_member(&out, ",", "text", err->text);
        buffer_put_string(&out, "}}\n");
        cli_finish(&out, 0);
    }
    return error_exit_status(err);
}

void
cli_warn(const char *fmt, ...)
{
    struct buffer line = {0};
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    plain_put(&line, text);
    fprintf(stderr, "rowferry: warning: %s\n", buffer_cstr(&line));
    buffer_free(&line);
}
