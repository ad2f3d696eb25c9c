/*
 * report.c -- the findings of `check` as text.
 *
 * One finding is one line ("ok", "WARN", "FAIL", what), with its cure below it; in JSON one
 * object. Texts have names of tables and servers' own words in them, so control characters
 * are escaped for the terminal; JSON escapes them itself.
 *
 *     ok    source: PostgreSQL 15.6, wal_level logical
 *     FAIL  E_PUBLICATION publication rowferry_shop is missing
 *           mend it with:
 *               CREATE PUBLICATION rowferry_shop FOR TABLE public.orders;
 */
#include "cdc/report.h"

#include "cdc/json.h"

static const char *const words[] = {"ok", "WARN", "FAIL"};
static const char *const json_words[] = {"ok", "warn", "fail"};

/* C0, DEL and (as UTF-8) C1: everything that a terminal may take for a command. A line end
 * starts a new line with the same indent, so SQL of several lines stays readable. */
static void
put_text(struct buffer *out, const char *text, int indent)
{
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
        if (*p == '\n')
            buffer_printf(out, "\n%*s", indent, "");
        else if (*p < 0x20 || *p == 0x7f)
            buffer_printf(out, "\\x%02x", *p);
        else if (*p == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f)
            buffer_printf(out, "\\u%04x", *++p);
        else
            buffer_put_u8(out, *p);
    }
}

static void
add_json(struct report *report, enum finding finding, const char *code, const char *what,
         const char *cure)
{
    struct buffer *out = &report->text;
    buffer_put_string(out, out->len > 0 ? ",{\"finding\":" : "{\"finding\":");
    json_cstring(out, json_words[finding]);
    buffer_put_string(out, ",\"code\":");
    json_cstring(out, code);
    buffer_put_string(out, ",\"what\":");
    json_cstring(out, what);
    if (cure != NULL) {
        buffer_put_string(out, ",\"cure\":");
        json_cstring(out, cure);
    }
    buffer_put_string(out, "}");
}

static void
add_text(struct report *report, enum finding finding, const char *code, const char *what,
         const char *cure)
{
    struct buffer *out = &report->text;
    buffer_printf(out, "%-5s %s%s", words[finding], code, code[0] != '\0' ? " " : "");
    put_text(out, what, 6);
    buffer_put_string(out, "\n");
    if (cure == NULL)
        return;
    buffer_put_string(out, "      mend it with:\n          ");
    put_text(out, cure, 10);
    buffer_put_string(out, "\n");
}

void
report_add(struct report *report, enum finding finding, const char *code, const char *what,
           const char *cure)
{
    if (finding == FINDING_WARN)
        report->warnings++;
    if (finding == FINDING_FAIL) {
        report->failures++;
        if (report->worst_exit < 1)
            report->worst_exit = 1;
    }
    if (report->json)
        add_json(report, finding, code, what, cure);
    else
        add_text(report, finding, code, what, cure);
}

void
report_error(struct report *report, const struct error *err, const char *cure)
{
    int status = error_exit_status(err);
    report_add(report, FINDING_FAIL, err->code, err->text, cure);
    if (status > report->worst_exit)
        report->worst_exit = status;
}
