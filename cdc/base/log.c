/*
 * log.c -- see cdc/log.h.
 *
 * Any thread may log: a line is put together on the stack and goes out in one write(2). The
 * two settings are written before threads start and only read afterwards.
 */
#include "cdc/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cdc/bytes.h"
#include "cdc/json.h"

static enum log_level log_least = LOG_INFO;
static bool log_json;

static const char *const level_names[] = {"error", "warn", "info", "debug"};

void
log_setup(enum log_level least, bool json)
{
    log_least = least;
    log_json = json;
}

static void
stamp(char *out, size_t size)
{
    struct timespec now;
    struct tm tm;
    size_t n;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    n = strftime(out, size, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out + n, size - n, ".%03ldZ", now.tv_nsec / 1000000);
}

/* Control characters would let a table's name forge a line or drive a terminal. */
static void
put_escaped(struct buffer *out, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p != 0; p++) {
        if (*p < 0x20 || *p == 0x7f)
            buffer_printf(out, "\\x%02x", *p);
        else
            buffer_put_u8(out, *p);
    }
}

void
log_line(enum log_level level, const char *module, const char *fmt, ...)
{
    char text[2048], when[40];
    struct buffer line = {0};
    va_list args;

    if (level > log_least)
        return;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    stamp(when, sizeof(when));
    if (log_json) {
        buffer_printf(&line, "{\"time\":\"%s\",\"level\":\"%s\",\"module\":\"%s\",\"text\":", when,
                      level_names[level], module);
        json_cstring(&line, text);
        buffer_put_string(&line, "}\n");
    } else {
        buffer_printf(&line, "%s %s %s ", when, level_names[level], module);
        put_escaped(&line, text);
        buffer_put_u8(&line, '\n');
    }
    if (!buffer_failed(&line)) {
        ssize_t ignored = write(STDERR_FILENO, line.at, line.len);
        (void)ignored; /* a log that can't be written must not stop data */
    }
    buffer_free(&line);
}

bool
log_repeat_due(struct log_repeat *repeat)
{
    unsigned long n = ++repeat->count;

    return (n & (n - 1)) == 0;
}

bool
log_repeat_over(struct log_repeat *repeat)
{
    bool was = repeat->count > 0;

    repeat->count = 0;
    return was;
}
