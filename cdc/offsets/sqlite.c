/*
 * sqlite.c -- offsets in state_dir/offsets.db, for sinks that can't keep their own.
 *
 * One table, one row for each pipeline and sink:
 *
 *     offsets (pipeline, sink, epoch, record)      record: offset.c's JSON, NULL before the first
 *
 * The epoch is a column of its own because it is the fence: fence adds one, and every store
 * says WHERE epoch = mine, so a writer that was paused and replaced changes no row and learns
 * of it. Each call is one statement in its own transaction; with WAL and synchronous=FULL it
 * is on the disk when the call returns.
 *
 * Folder and file are made by the first write only: `offsets show` leaves nothing behind.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "cdc/offsets.h"

enum {
    BUSY_MS = 5000,
    SCHEMA_VERSION = 1,
};

struct store {
    struct offsets base;
    char *dir;
    char *path;
    sqlite3 *db; /* NULL until the file is needed and there */
};

/* What SQLite's answer means to the caller. `wrote`: the statement may have taken effect. */
static int
fail(struct store *s, const char *what, bool wrote, struct error *err)
{
    int code = s->db != NULL ? sqlite3_errcode(s->db) : SQLITE_CANTOPEN;
    const char *text = s->db != NULL ? sqlite3_errmsg(s->db) : "can't be opened";
    enum error_kind kind = wrote ? ERROR_REWIND : ERROR_RETRY;
    const char *name = "";
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_FULL: /* both rolled back: nothing was written */
        kind = ERROR_RETRY;
        break;
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
        kind = ERROR_CONFIG;
        break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        kind = ERROR_REFUSED;
        name = "E_OFFSET_CORRUPT";
        break;
    case SQLITE_NOMEM:
        kind = ERROR_FATAL;
        break;
    default:
        break;
    }
    return error_set(err, kind, name, "%.200s: %s: %.200s", s->path, what, text);
}

static int
make_folders(const char *dir, struct error *err)
{
    char path[4096];
    size_t len = strlen(dir);
    if (len >= sizeof(path))
        return error_set(err, ERROR_CONFIG, "", "state_dir: the path is too long");
    memcpy(path, dir, len + 1);
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        char rest = path[i];
        path[i] = '\0';
        if (mkdir(path, 0700) == -1 && errno != EEXIST)
            return error_set(err, ERROR_CONFIG, "", "state_dir %.200s: %s", path, strerror(errno));
        path[i] = rest;
    }
    return 0;
}

/* SQLite gives its side files the main file's mode, so that one is made first, private. */
static int
make_file(const struct store *s, struct error *err)
{
    int fd;
    if (make_folders(s->dir, err) == -1)
        return -1;
    fd = open(s->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd == -1)
        return error_set(err, ERROR_CONFIG, "", "%.200s: %s", s->path, strerror(errno));
    close(fd);
    return 0;
}

static int
schema_version(struct store *s, int *out)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(s->db, "PRAGMA user_version", -1, &stmt, NULL);
    if (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
        *out = sqlite3_column_int(stmt, 0);
        rc = SQLITE_OK;
    } else {
        rc = SQLITE_ERROR;
    }
    sqlite3_finalize(stmt);
    return rc == SQLITE_OK ? 0 : -1;
}

static int
set_up(struct store *s, struct error *err)
{
    static const char sql[] =
        "BEGIN IMMEDIATE;"
        "CREATE TABLE IF NOT EXISTS offsets (pipeline TEXT NOT NULL, sink TEXT NOT NULL,"
        " epoch INTEGER NOT NULL, record TEXT, PRIMARY KEY (pipeline, sink)) WITHOUT ROWID;"
        "PRAGMA user_version=1;"
        "COMMIT";
    int version = 0;
    sqlite3_busy_timeout(s->db, BUSY_MS);
    if (sqlite3_exec(s->db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL", NULL, NULL, NULL) !=
            SQLITE_OK ||
        schema_version(s, &version) == -1)
        return fail(s, "can't be read", false, err);
    if (version > SCHEMA_VERSION)
        return error_set(err, ERROR_REFUSED, "E_OFFSET_VERSION",
                         "%.200s: a newer rowferry wrote this file (version %d, this one reads %d)",
                         s->path, version, SCHEMA_VERSION);
    if (version < SCHEMA_VERSION && sqlite3_exec(s->db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        fail(s, "can't be set up", false, err);
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
        return -1;
    }
    return 0;
}

/* 1 when the file is open, 0 when there is none (and `create` is false). */
static int
open_file(struct store *s, bool create, struct error *err)
{
    if (s->db != NULL)
        return 1;
    if (!create && access(s->path, F_OK) == -1) {
        if (errno == ENOENT || errno == ENOTDIR)
            return 0;
        return error_set(err, ERROR_CONFIG, "", "%.200s: %s", s->path, strerror(errno));
    }
    if (create && make_file(s, err) == -1)
        return -1;
    if (sqlite3_open_v2(s->path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
        SQLITE_OK)
        fail(s, "can't be opened", false, err);
    else if (set_up(s, err) == 0)
        return 1;
    sqlite3_close(s->db);
    s->db = NULL;
    return -1;
}

static sqlite3_stmt *
prepare(struct store *s, const char *sql, const char *pipeline, const char *sink, struct error *err)
{
    sqlite3_stmt *stmt = NULL;
    if (sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_bind_text(stmt, 1, pipeline, -1, SQLITE_TRANSIENT) == SQLITE_OK &&
        sqlite3_bind_text(stmt, 2, sink, -1, SQLITE_TRANSIENT) == SQLITE_OK)
        return stmt;
    fail(s, "can't be asked", false, err);
    sqlite3_finalize(stmt);
    return NULL;
}

static int
read_row(sqlite3_stmt *stmt, const char *sink, struct offset *out, struct error *err)
{
    int64_t epoch = sqlite3_column_int64(stmt, 0);
    if (epoch < 0)
        return error_set(err, ERROR_REFUSED, "E_OFFSET_CORRUPT", "sink %s: epoch %lld", sink,
                         (long long)epoch);
    if (sqlite3_column_type(stmt, 1) != SQLITE_NULL) {
        const void *record = sqlite3_column_blob(stmt, 1);
        int len = sqlite3_column_bytes(stmt, 1);
        if (offset_decode(out, bytes_of(record, len > 0 ? (size_t)len : 0), err) == -1)
            return error_prefix(err, "sink %s: ", sink);
    }
    out->epoch = (uint64_t)epoch;
    return 0;
}

static int
sqlite_load(struct offsets *offsets, const char *pipeline, const char *sink, struct offset *out,
            struct error *err)
{
    struct store *s = (struct store *)offsets;
    sqlite3_stmt *stmt;
    int rc = open_file(s, false, err);
    memset(out, 0, sizeof(*out));
    if (rc != 1)
        return rc;
    stmt = prepare(s, "SELECT epoch, record FROM offsets WHERE pipeline = ?1 AND sink = ?2",
                   pipeline, sink, err);
    if (stmt == NULL)
        return -1;
    switch (sqlite3_step(stmt)) {
    case SQLITE_ROW:
        rc = read_row(stmt, sink, out, err);
        break;
    case SQLITE_DONE:
        rc = 0;
        break;
    default:
        rc = fail(s, "can't be read", false, err);
    }
    sqlite3_finalize(stmt);
    return rc;
}

static int
sqlite_fence(struct offsets *offsets, const char *pipeline, const char *sink, uint64_t *epoch,
             struct error *err)
{
    struct store *s = (struct store *)offsets;
    sqlite3_stmt *stmt;
    int rc = 0;
    if (open_file(s, true, err) == -1)
        return -1;
    stmt = prepare(s,
                   "INSERT INTO offsets (pipeline, sink, epoch) VALUES (?1, ?2, 1)"
                   " ON CONFLICT DO UPDATE SET epoch = epoch + 1 RETURNING epoch",
                   pipeline, sink, err);
    if (stmt == NULL)
        return -1;
    /* A fence whose outcome is unknown is asked for again: epochs may be skipped. */
    if (sqlite3_step(stmt) != SQLITE_ROW)
        rc = fail(s, "can't take the offset over", false, err);
    else
        *epoch = (uint64_t)sqlite3_column_int64(stmt, 0);
    if (rc == 0 && sqlite3_step(stmt) != SQLITE_DONE)
        rc = fail(s, "can't take the offset over", false, err);
    sqlite3_finalize(stmt);
    return rc;
}

static int
fenced(struct error *err, const char *sink, uint64_t epoch)
{
    return error_set(err, ERROR_FENCED, "E_FENCED",
                     "sink %s: another instance has taken over (our epoch was %llu)", sink,
                     (unsigned long long)epoch);
}

static int
sqlite_store(struct offsets *offsets, const char *pipeline, const char *sink,
             const struct offset *offset, struct error *err)
{
    struct store *s = (struct store *)offsets;
    struct buffer record = {0};
    sqlite3_stmt *stmt = NULL;
    int rc = -1;
    if (open_file(s, true, err) == -1)
        return -1;
    offset_encode(offset, &record);
    const char *text = buffer_cstr(&record);
    if (buffer_failed(&record)) {
        error_set(err, ERROR_FATAL, "", "out of memory");
        goto done;
    }
    stmt = prepare(s,
                   "UPDATE offsets SET record = ?3 WHERE pipeline = ?1 AND sink = ?2"
                   " AND epoch = ?4",
                   pipeline, sink, err);
    if (stmt == NULL)
        goto done;
    if (sqlite3_bind_text(stmt, 3, text, (int)record.len, SQLITE_STATIC) != SQLITE_OK ||
        sqlite3_bind_int64(stmt, 4, (int64_t)offset->epoch) != SQLITE_OK)
        fail(s, "can't be written", false, err);
    else if (sqlite3_step(stmt) != SQLITE_DONE)
        fail(s, "can't be written", true, err);
    else
        rc = sqlite3_changes(s->db) == 1 ? 0 : fenced(err, sink, offset->epoch);

done:
    sqlite3_finalize(stmt);
    buffer_free(&record);
    return rc;
}

static int
sqlite_remove(struct offsets *offsets, const char *pipeline, const char *sink, struct error *err)
{
    struct store *s = (struct store *)offsets;
    sqlite3_stmt *stmt;
    int rc = open_file(s, false, err);
    if (rc != 1)
        return rc;
    stmt = prepare(s, "DELETE FROM offsets WHERE pipeline = ?1 AND sink = ?2", pipeline, sink, err);
    if (stmt == NULL)
        return -1;
    rc = sqlite3_step(stmt) == SQLITE_DONE ? 0 : fail(s, "can't be written", false, err);
    sqlite3_finalize(stmt);
    return rc;
}

static void
sqlite_close(struct offsets *offsets)
{
    struct store *s = (struct store *)offsets;
    if (s == NULL)
        return;
    sqlite3_close(s->db);
    free(s->dir);
    free(s->path);
    free(s);
}

static const struct offsets_ops sqlite_ops = {
    .name = "sqlite",
    .load = sqlite_load,
    .fence = sqlite_fence,
    .store = sqlite_store,
    .remove = sqlite_remove,
    .close = sqlite_close,
};

int
offsets_sqlite_open(struct offsets **out, const char *state_dir, struct error *err)
{
    struct store *s = calloc(1, sizeof(*s));
    if (s != NULL) {
        s->base.ops = &sqlite_ops;
        s->dir = strdup(state_dir);
        if (asprintf(&s->path, "%s/offsets.db", state_dir) == -1)
            s->path = NULL;
    }
    if (s == NULL || s->dir == NULL || s->path == NULL) {
        if (s != NULL)
            sqlite_close(&s->base);
        return error_set(err, ERROR_FATAL, "", "out of memory");
    }
    *out = &s->base;
    return 0;
}
