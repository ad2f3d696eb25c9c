/*
 * run.c -- `rowferry run FILE...`: pipelines until stopped.
 *
 * The main thread reads signals, which are blocked everywhere else. Each pipeline has a thread of its own
 * that starts and supervises the others, and one that looks after the tables, where the kind of source needs it:
 * a table made later that the configuration wants joins its publication. SIGTERM and SIGINT drain; a second one,
 * or ten seconds, end it at once: what is not committed is read again at the next start.
 */
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../../schema/registry.h"
#include "../pipeline.h"
#include "cdc/clock.h"
#include "cdc/log.h"
#include "cli.h"

enum { PIPELINES_MAX = 16, STOP_MS = 9500, WATCH_MS = 15000 };

struct unit {
    struct config *config;
    const struct source_kind *kind;
    struct source *source;
    struct catalog *catalog;
    struct sink *sinks[BATCH_SINKS_MAX];
    struct schemas *schemas[BATCH_SINKS_MAX];
    struct encoder *encoders[BATCH_SINKS_MAX];
    struct pipeline *_Atomic pipeline;
    void *watch; /* the kind's */
    pthread_t thread, watcher;
    bool started, watching;
    atomic_bool stop; /* asked for, maybe before there is a pipeline */
    atomic_bool ended;
    struct error err;
    int status;
};

static int
open_encoder(struct unit *u, int i, const char *database, struct error *err)
{
    const struct config_sink *sink = &u->config->sinks[i];
    struct encoder_settings settings;

    if (sink->format == FORMAT_AVRO) {
        struct registry_settings registry = {
            .url = sink->registry,
            .user = sink->registry_user,
            .password_file = sink->registry_password_file,
            .token_file = sink->registry_token_file,
            .ca_file = sink->registry_ca_file,
            .auto_register = sink->registry_auto_register,
        };

        if (registry_open(&u->schemas[i], &registry, err) == -1)
            return -1;
    }
    if (config_encoder(u->config, i, database, u->schemas[i], &settings) == -1)
        return -1;
    u->encoders[i] = encoder_new(&settings, err);
    return u->encoders[i] != NULL ? 0 : -1;
}

/* The database's name is in every event; the server may still be starting. */
static int
ask_database(struct unit *u, char *database, size_t size, struct error *err)
{
    struct log_repeat trouble = {0};
    struct source_look look;

    while (u->kind->look(u->config, &look, err) == -1) {
        u->kind->look_clear(&look);
        if (err->kind != ERROR_RETRY || atomic_load(&u->stop))
            return -1;
        if (log_repeat_due(&trouble))
            log_warn("run", "code=%s %s; trying again", err->code, err->text);
        usleep(500 * 1000);
    }
    snprintf(database, size, "%s", look.database);
    u->kind->look_clear(&look);
    return 0;
}

static int
open_parts(struct unit *u, struct error *err)
{
    char database[sizeof((struct source_look){0}.database)];
    struct pipeline_parts parts = {0};

    if (ask_database(u, database, sizeof(database), err) == -1 ||
        u->kind->open(&u->source, u->config, err) == -1 ||
        u->kind->open_catalog(&u->catalog, u->config, err) == -1)
        return -1;
    for (int i = 0; i < u->config->nsinks; i++) {
        if (cli_open_sink(u->config, i, &u->sinks[i], err) == -1 ||
            open_encoder(u, i, database, err) == -1)
            return -1;
    }
    parts.config = u->config;
    parts.source = u->source;
    parts.decoder = u->kind->decoder;
    parts.catalog = u->catalog;
    parts.sinks = u->sinks;
    parts.encoders = u->encoders;
    struct pipeline *pipeline = pipeline_new(&parts, err);
    if (pipeline == NULL)
        return -1;
    atomic_store(&u->pipeline, pipeline);
    if (atomic_load(&u->stop))
        pipeline_stop(pipeline);
    return 0;
}

static void
close_parts(struct unit *u)
{
    pipeline_free(u->pipeline);
    if (u->source != NULL)
        u->source->ops->close(u->source); /* its relations hold plans, which point into encoders */
    for (int i = 0; i < u->config->nsinks; i++) {
        cli_close_sink(u->sinks[i]);
        encoder_free(u->encoders[i]);
        if (u->schemas[i] != NULL)
            u->schemas[i]->ops->close(u->schemas[i]);
    }
    if (u->catalog != NULL)
        u->catalog->ops->close(u->catalog);
    if (u->watch != NULL)
        u->kind->watch_close(u->watch);
    config_free(u->config);
}

static void *
unit_main(void *arg)
{
    struct unit *u = arg;
    int rc = open_parts(u, &u->err);

    if (rc == 0)
        rc = pipeline_run(u->pipeline, &u->err);
    if (rc == -1 && u->err.kind == ERROR_RETRY && atomic_load(&u->stop)) {
        log_info("run", "pipeline=%s stopped before it began", u->config->pipeline);
    } else if (rc == -1) {
        log_error("run", "pipeline=%s kind=%s code=%s %s", u->config->pipeline,
                  error_kind_name(u->err.kind), u->err.code, u->err.text);
        u->status = error_exit_status(&u->err);
    } else {
        log_info("run", "pipeline=%s stopped", u->config->pipeline);
    }
    atomic_store(&u->ended, true);
    kill(getpid(), SIGCHLD); /* wake the main thread; nobody else uses it */
    return NULL;
}

/* Looks after the tables while the pipeline runs. */
static void *
watch_main(void *arg)
{
    struct unit *u = arg;
    int64_t due = clock_monotonic_ms() + WATCH_MS;

    while (!atomic_load(&u->ended)) {
        usleep(100 * 1000);
        if (clock_monotonic_ms() < due || atomic_load(&u->stop))
            continue;
        u->kind->watch(&u->watch, u->config);
        due = clock_monotonic_ms() + WATCH_MS;
    }
    return NULL;
}

static bool
all_ended(struct unit *units, int n)
{
    for (int i = 0; i < n; i++) {
        if (units[i].started && !atomic_load(&units[i].ended))
            return false;
    }
    return true;
}

static void
stop_all(struct unit *units, int n)
{
    for (int i = 0; i < n; i++) {
        struct pipeline *pipeline = atomic_load(&units[i].pipeline);

        /* The flag first: a pipeline made after this look sees it. */
        if (!atomic_exchange(&units[i].stop, true) && pipeline == NULL)
            pipeline = atomic_load(&units[i].pipeline);
        if (pipeline != NULL)
            pipeline_stop(pipeline);
    }
}

/* A watcher may hang on a server that does not answer: that must not hold up a stop. */
static void
join_before(pthread_t thread, int64_t until_ms, int status)
{
    struct timespec until;
    int64_t left = until_ms - clock_monotonic_ms();

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += left > 0 ? (time_t)(left / 1000) : 0;
    if (pthread_timedjoin_np(thread, NULL, &until) != 0)
        _exit(status);
}

/* The worst so far. */
static int
worst_status(const struct unit *units, int n)
{
    int status = 0;

    for (int i = 0; i < n; i++) {
        if (atomic_load(&units[i].ended) && units[i].status > status)
            status = units[i].status;
    }
    return status;
}

/* Until all have ended; the worst status. */
static int
supervise(struct unit *units, int n, const sigset_t *signals)
{
    int64_t give_up = 0;
    int status = 0;

    while (!all_ended(units, n)) {
        struct timespec wait = {0, 200 * 1000000};
        int sig = sigtimedwait(signals, NULL, &wait);

        if (sig == SIGTERM || sig == SIGINT) {
            log_info("run", "signal=%s draining", sig == SIGTERM ? "TERM" : "INT");
            stop_all(units, n);
            if (give_up == 0)
                give_up = clock_monotonic_ms() + STOP_MS;
        }
        if (give_up != 0 && clock_monotonic_ms() > give_up) {
            log_warn("run", "not drained in time; what is not committed is read again at the next start");
            _exit(worst_status(units, n));
        }
    }
    for (int i = 0; i < n; i++) {
        if (units[i].started)
            pthread_join(units[i].thread, NULL);
        if (units[i].watching && give_up != 0)
            join_before(units[i].watcher, give_up, status);
        else if (units[i].watching)
            pthread_join(units[i].watcher, NULL);
        status = worst_status(units, n);
    }
    return status;
}

static void
harden(void)
{
    struct rlimit none = {0, 0};

    setrlimit(RLIMIT_CORE, &none); /* a core holds rows and passwords */
    prctl(PR_SET_DUMPABLE, 0);
    signal(SIGPIPE, SIG_IGN);
    mallopt(M_ARENA_MAX, 2); /* memory over speed: rows do not come from malloc one by one */
    mallopt(M_TRIM_THRESHOLD, 4 * 1024 * 1024);
    mallopt(M_MMAP_THRESHOLD, 1024 * 1024);
}

static int
run_units(struct unit *units, int n)
{
    sigset_t signals;
    int status = 0;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGCHLD);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    for (int i = 0; i < n; i++) {
        bool watched = units[i].kind->watch != NULL;

        units[i].started = pthread_create(&units[i].thread, NULL, unit_main, &units[i]) == 0;
        units[i].watching = units[i].started && watched &&
                            pthread_create(&units[i].watcher, NULL, watch_main, &units[i]) == 0;
        if (!units[i].started || units[i].watching != watched) {
            log_error("run", "can't make a thread");
            stop_all(units, n);
            status = 1;
        }
    }
    int ended = supervise(units, n, &signals);
    return ended > status ? ended : status;
}

/* Both go by one name for their lease, on servers of one kind. */
static bool
same_lease(const struct unit *a, const struct unit *b)
{
    char name[64], other[64];

    a->kind->lease_name(a->config, name);
    b->kind->lease_name(b->config, other);
    return a->kind == b->kind && strcmp(name, other) == 0;
}

/* Two pipelines of one name would share lease, offsets and transactional ids. */
static int
check_names(struct unit *units, int n, struct error *err)
{
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < i; k++) {
            bool lease = same_lease(&units[i], &units[k]);

            if (lease || strcmp(units[i].config->pipeline, units[k].config->pipeline) == 0)
                return error_set(err, ERROR_CONFIG, "E_CONFIG", "%s and %s have the same %s",
                                 units[k].config->file, units[i].config->file,
                                 lease ? units[i].kind->lease : "pipeline name");
        }
    }
    return 0;
}

int
cli_run(int argc, char **argv)
{
    static struct unit units[PIPELINES_MAX];
    struct error err = ERROR_INIT;
    int n = 0, status = 0;

    if (argc < 2)
        return cli_usage("run", "a configuration file is needed");
    harden();
    for (int i = 1; i < argc && status == 0; i++) {
        if (strcmp(argv[i], "--json") == 0)
            continue;
        if (argv[i][0] == '-' || n == PIPELINES_MAX)
            status = cli_usage("run", argv[i][0] == '-' ? "run takes files only" : "too many files");
        else if (config_load(&units[n].config, argv[i], &err) == -1)
            status = cli_fail(false, &err);
        else
            n++;
    }
    if (status == 0 && n == 0)
        status = cli_usage("run", "a configuration file is needed");
    for (int i = 0; i < n; i++)
        units[i].kind = source_kind_of(units[i].config);
    if (status == 0 && check_names(units, n, &err) == -1)
        status = cli_fail(false, &err);
    if (status == 0) {
        log_setup((enum log_level)units[0].config->log.level, units[0].config->log.format == 1);
        status = run_units(units, n);
    }
    for (int i = 0; i < n; i++)
        close_parts(&units[i]);
    return status;
}
