/*
 * output.c -- what commands print: into a buffer first, then out in one go.
 *
 * Names and texts come from servers and files. A control character in one of them could move
 * the operator's cursor, so cli_put escapes them; JSON escapes its own.
 */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "cdc/json.h"
#include "cli.h"

void
cli_put(struct buffer *out, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
        if (*p < 0x20 || *p == 0x7f)
            buffer_printf(out, "\\x%02x", *p);
        else if (*p == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f)
            buffer_printf(out, "\\u%04x", *++p);
        else
            buffer_put_u8(out, *p);
    }
}

void
cli_put_bytes(struct buffer *out, uint64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double scaled = (double)bytes / 1024;
    int unit = 0;
    if (bytes < 1024) {
        buffer_printf(out, "%" PRIu64 " bytes", bytes);
        return;
    }
    for (; scaled >= 1024 && unit < 5; unit++)
        scaled /= 1024;
    buffer_printf(out, "%.1f %s", scaled, units[unit]);
}

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

void
cli_json_member(struct buffer *out, const char *before, const char *name, const char *text)
{
    buffer_printf(out, "%s\"%s\":", before, name);
    json_cstring(out, text);
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
    cli_put(&line, err->text);
    fprintf(stderr, "%s\n", buffer_cstr(&line));
    buffer_free(&line);
    if (json) {
        struct buffer out = {0};
        cli_json_member(&out, "{\"error\":{", "kind", error_kind_name(err->kind));
        cli_json_member(&out, ",", "code", err->code);
        cli_json_member(&out, ",", "text", err->text);
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
    cli_put(&line, text);
    fprintf(stderr, "rowferry: warning: %s\n", buffer_cstr(&line));
    buffer_free(&line);
}
