/*
 * cli.h -- what the commands share: arguments, output that a terminal can take, errors to exit
 * statuses, and the questions to the engines. What kind of source it is, a command need not know: it asks
 * through cdc/source_kind.h.
 *
 * A command is `int cli_NAME(int argc, char **argv)` with argv[0] its own name; it returns the
 * exit status: 0 done, 1 the answer is no, 2 usage or configuration, 3 a server can't be
 * reached, 4 refused to protect data. Results go to stdout, everything else to stderr.
 *
 * Commands work whether the pipeline runs or not: they ask the engines (the source, each sink's
 * own offset) and never a running rowferry.
 *
 * Threads: one.
 */
#ifndef CDC_CLI_CLI_H
#define CDC_CLI_CLI_H

#include <stdbool.h>

#include "cdc/config.h"
#include "cdc/report.h"
#include "cdc/source_kind.h"

int cli_main(int argc, char **argv);

int cli_run(int argc, char **argv);
int cli_check(int argc, char **argv);
int cli_status(int argc, char **argv);
int cli_offsets(int argc, char **argv);
int cli_schema(int argc, char **argv);
int cli_remove(int argc, char **argv);
int cli_verify(int argc, char **argv);
int cli_help(int argc, char **argv);

/* ---- arguments ------------------------------------------------------------------------------ */

enum {
    CLI_EXIT_NO = 1,
    CLI_EXIT_USAGE = 2,
    CLI_WORDS_MAX = 4,
};

/* Options that a command may take; --json is for all of them. */
enum cli_option {
    CLI_SINK = 1,
    CLI_EXPECT = 2,
    CLI_REASON = 4,
    CLI_DRY_RUN = 8,
    CLI_AT_SLOT = 16,
    CLI_TO = 32,
    CLI_YES = 64,
    CLI_MARKDOWN = 128,
    CLI_RECOUNT = 256,
    CLI_TABLE = 512,
};

struct cli_arguments {
    const char *words[CLI_WORDS_MAX]; /* what is not an option, NULL where not given */
    int nwords;
    const char *sink;
    const char *table;
    const char *expect;
    const char *reason;
    const char *to;
    bool dry_run;
    bool at_slot;
    bool recount;
    bool yes;
    bool markdown;
    bool json;
};

/* -1 when something is wrong: it has been said, and the caller returns CLI_EXIT_USAGE. */
int cli_arguments(struct cli_arguments *, int argc, char **argv, unsigned allowed, int least,
                  int most);

/* "rowferry: WHAT" and the command's usage on stderr; returns CLI_EXIT_USAGE. */
int cli_usage(const char *command, const char *what);

/* ---- output ---------------------------------------------------------------------------------- */

/* Wall clock as 2026-11-22T13:32:00Z; "" for 0. */
#define CLI_TIME_MAX 32
const char *cli_time(int64_t wall_us, char *text);

/* The whole buffer to stdout, and free it; returns `status`, or 1 when stdout failed. */
int cli_finish(struct buffer *out, int status);

/* Say the error (stderr; with json also an object on stdout); returns its exit status. */
int cli_fail(bool json, const struct error *);
void cli_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* ---- engines --------------------------------------------------------------------------------- */

int cli_open_sink(const struct config *, int index, struct sink **out, struct error *err);
void cli_close_sink(struct sink *);

/* The offset that a sink has, opened and closed for this one question. */
int cli_read_offset(const struct config *, int index, struct offset *out, struct error *err);

/* The source and all offsets, such that a pipeline that runs meanwhile can't make them look wrong. */
struct cli_view {
    const struct source_kind *kind;
    struct source_look look;
    struct error look_error; /* kind != NONE: the server did not answer */
    struct offset offsets[BATCH_SINKS_MAX];
    struct error errors[BATCH_SINKS_MAX];
    bool settled; /* some sink has a position */
};
/* Overwrites *view; cli_view_clear when done. */
void cli_look(const struct config *, struct cli_view *);
void cli_view_clear(struct cli_view *);

/* Index of the sink of this name; without a name the only sink that there is. -1: CONFIG. */
int cli_find_sink(const struct config *, const char *name, struct error *err);

/* "none", "starting" or the position: cut, for a sentence, into POSITION_TEXT_MAX bytes; or all of it. */
const char *cli_offset_text(const struct offset *, char *text);
void cli_put_offset(struct buffer *out, const struct offset *);
/* before "name":"all of it" */
void cli_json_offset(struct buffer *out, const char *before, const char *name, const struct offset *);

/* "1.5 KiB", "12 transactions", "an unknown part of the log" */
void cli_put_distance(struct buffer *out, const struct distance *);
/* ,"PREFIXbytes":N or ,"PREFIXtransactions":N, with null for what is not known */
void cli_json_distance(struct buffer *out, const char *prefix, const struct distance *);

#endif
