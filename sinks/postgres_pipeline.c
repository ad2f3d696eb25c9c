/*
 * postgres_pipeline.c -- statements on their way, and what their answers mean.
 *
 *     sent:  BEGIN, fence | prepare, rows, rows ... | position, COMMIT, Sync
 *
 * Each statement stands in a queue until its answer is read, so that an error names the rows that it is about. After an error
 * the server skips what follows up to the next Sync, and we send none before the end of a transaction: a COMMIT behind a
 * failed statement is never done.
 *
 * The connection does not block: what the server says is read while we write, or both sides could wait for ever with full
 * buffers.
 */
#include "postgres_target.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "cdc/failpoint.h"

/* ---- what errors mean ---- */

static int
lost(struct pg_session *s, struct error *err)
{
    const char *why = s->conn == NULL ? "" : PQerrorMessage(s->conn);
    int n = (int)strcspn(why, "\n");

    s->broken = true;
    return error_set(err, s->committing ? ERROR_REWIND : ERROR_RETRY, "E_UNREACHABLE", "the connection was lost%s: %.*s",
                     s->committing ? " while COMMIT was on its way" : "", n > 300 ? 300 : n, why);
}

static bool
starts(const char *state, const char *with)
{
    return strncmp(state, with, strlen(with)) == 0;
}

static bool
among(const char *state, const char *const *list)
{
    while (*list != NULL && !starts(state, *list))
        list++;
    return *list != NULL;
}

static enum error_kind
kind_of(const char *state, const char **code)
{
    static const char *const again[] = {"40", "55P03", "55006", NULL};
    static const char *const away[] = {"08", "57", "53", "25P03", "25P04", NULL}; /* the last two: its own time-outs */
    static const char *const conflict[] = {"23505", "23P01", "23503", NULL};
    static const char *const value[] = {"22", "23", "21", "54", NULL};
    static const char *const table[] = {"42P01", "3F000", NULL};
    static const char *const column[] = {"42703", "42804", "42846", "428C9", NULL};

    *code = "E_TARGET_BUSY";
    if (among(state, again))
        return ERROR_RETRY;
    *code = starts(state, "53100") ? "E_TARGET_FULL" : "E_UNREACHABLE";
    if (among(state, away))
        return ERROR_RETRY;
    *code = among(state, conflict) ? "E_CONFLICT" : "E_VALUE";
    if (among(state, value))
        return ERROR_DATA;
    *code = among(state, table)        ? "E_TARGET_TABLE"
            : among(state, column)     ? "E_TARGET_COLUMN"
            : starts(state, "42501")   ? "E_PRIVILEGE"
            : starts(state, "25006")   ? "E_TARGET_READONLY"
                                       : "E_SQL";
    return ERROR_CONFIG;
}

/* The row, where it is a single one. */
static const struct db_row *
single_row(struct db *db, const struct sent *what)
{
    struct pg_session *s = session_of(db);

    return what->count == 1 && target_order(s, what->group) ? &what->group->rows[s->order[what->from]] : NULL;
}

/* "table s.t, event a", or the range that it is in: "table s.t, event a or one up to b" */
static void
put_rows(struct db *db, struct buffer *out, const struct sent *what)
{
    const struct db_group *group = what->group;
    const struct db_row *row = single_row(db, what);
    char first[600], last[EVENT_ID_MAX];

    if (group->nrows == 0) {
        buffer_printf(out, "table %s.%s", group->table->schema, group->table->name);
        return;
    }
    db_row_name(group, row != NULL ? row : &group->rows[0], first, sizeof(first));
    buffer_put_string(out, first);
    if (row == NULL) {
        event_id_print(group->rows[group->nrows - 1].batch, group->rows[group->nrows - 1].event, last);
        buffer_printf(out, " or one up to %s", last);
    }
}

static const char *
field(const PGresult *res, int which)
{
    const char *text = PQresultErrorField(res, which);

    return text == NULL ? "" : text;
}

/* A conflict: whose row it is, if that can be told, and what the server found. */
static int
conflict_error(struct db *db, const PGresult *res, const struct sent *what, struct error *err)
{
    const char *detail = field(res, PG_DIAG_MESSAGE_DETAIL);
    const struct db_row *row = single_row(db, what);
    struct buffer name = {0};
    char text[600];

    if (row == NULL)
        row = conflict_row(db, what->group, detail);
    if (row != NULL) {
        db_row_name(what->group, row, text, sizeof(text));
        buffer_put_string(&name, text);
    } else {
        put_rows(db, &name, what);
    }
    error_set(err, ERROR_DATA, "E_CONFLICT", "%s: the target refuses it by %s: %s", buffer_cstr(&name),
              field(res, PG_DIAG_CONSTRAINT_NAME), detail[0] != 0 ? detail : field(res, PG_DIAG_MESSAGE_PRIMARY));
    buffer_free(&name);
    return -1;
}

/* A value's message ends before the value: it is not for logs. */
void
target_message(const PGresult *res, bool value, struct buffer *out)
{
    const char *primary = field(res, PG_DIAG_MESSAGE_PRIMARY), *content = value ? strstr(primary, ": \"") : NULL;

    buffer_put(out, primary, content != NULL ? (size_t)(content - primary) : strlen(primary));
    buffer_printf(out, " (SQLSTATE %s)", field(res, PG_DIAG_SQLSTATE));
}

/* The library sees the end of the connection only when it reads again. */
static bool
ends_session(const PGresult *res)
{
    const char *severity = field(res, PG_DIAG_SEVERITY_NONLOCALIZED);

    return strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0;
}

int
target_error(struct db *db, const PGresult *res, const struct sent *what, struct error *err)
{
    struct pg_session *s = session_of(db);
    const char *state = res == NULL ? "" : field(res, PG_DIAG_SQLSTATE), *code, *column;
    struct buffer name = {0}, message = {0};
    enum error_kind kind;

    if (PQstatus(s->conn) == CONNECTION_BAD || state[0] == 0 || ends_session(res))
        return lost(s, err);
    kind = kind_of(state, &code);
    if (s->committing && kind == ERROR_RETRY && strcmp(code, "E_UNREACHABLE") == 0)
        kind = ERROR_REWIND; /* it ends our session, and may have committed before */
    if (what != NULL && what->group != NULL && strcmp(code, "E_CONFLICT") == 0)
        return conflict_error(db, res, what, err);
    if (what != NULL && what->group != NULL)
        put_rows(db, &name, what);
    column = field(res, PG_DIAG_COLUMN_NAME);
    target_message(res, kind == ERROR_DATA, &message);
    error_set(err, kind, code, "%s%s%s%s%s%s", buffer_cstr(&name), name.len > 0 ? ": " : "", column[0] != 0 ? "column " : "",
              column, column[0] != 0 ? ": " : "", buffer_cstr(&message));
    buffer_free(&name);
    buffer_free(&message);
    return -1;
}

/* ---- the queue ---- */

static struct sent *
queue_room(struct pg_session *s)
{
    if (s->n == s->cap) {
        size_t cap = s->cap == 0 ? 64 : 2 * s->cap;
        struct sent *grown = calloc(cap, sizeof(*grown));

        if (grown == NULL)
            return NULL;
        for (size_t i = 0; i < s->n; i++)
            grown[i] = s->sent[(s->head + i) % s->cap];
        free(s->sent);
        s->sent = grown;
        s->cap = cap;
        s->head = 0;
    }
    return &s->sent[(s->head + s->n) % s->cap];
}

static int
queue_add(struct pg_session *s, const struct sent *what, struct error *err)
{
    struct sent *at = queue_room(s);

    if (at == NULL)
        return error_set(err, ERROR_FATAL, "", "out of memory for what was sent");
    *at = *what;
    s->n++;
    s->in_flight += what->bytes;
    return 0;
}

/* Write and read until an answer can be taken without waiting (`for_answer`), or all is written. */
static int
move(struct pg_session *s, bool for_answer, struct error *err)
{
    for (;;) {
        int left = PQflush(s->conn);
        struct pollfd at = {.fd = PQsocket(s->conn), .events = POLLIN};

        if (left == -1 || PQstatus(s->conn) == CONNECTION_BAD)
            return lost(s, err);
        if (for_answer ? !PQisBusy(s->conn) : left == 0)
            return 0;
        if (left == 1)
            at.events |= POLLOUT;
        if (poll(&at, 1, 1000) == -1 && errno != EINTR)
            return lost(s, err);
        if ((at.revents & (POLLIN | POLLERR | POLLHUP)) != 0 && PQconsumeInput(s->conn) == 0)
            return lost(s, err);
    }
}

/* Send what the socket takes, without waiting. */
static int
push(struct pg_session *s, struct error *err)
{
    int left = PQflush(s->conn);

    if (left == 1 && PQconsumeInput(s->conn) == 0)
        left = -1;
    return left == -1 ? lost(s, err) : 0;
}

/* ---- answers ---- */

static int
fenced(struct db *db, struct error *err)
{
    struct pg_session *s = session_of(db);
    struct error why = ERROR_INIT;
    PGresult *res = NULL;
    struct buffer pipeline = {0}, sink = {0};

    pg_literal(&pipeline, db->pipeline);
    pg_literal(&sink, db->sink);
    if (pipeline_leave(db, &why) == 0)
        res = pg_query(s->conn, &why, "SELECT owner, epoch FROM %s WHERE pipeline = %s AND sink = %s AND shard = ''",
                       s->offsets, buffer_cstr(&pipeline), buffer_cstr(&sink));
    buffer_free(&pipeline);
    buffer_free(&sink);
    if (res != NULL && PQntuples(res) == 1)
        error_set(err, ERROR_FENCED, "E_FENCED", "%s has taken over (epoch %s, ours is %llu)", pg_text(res, 0, 0),
                  pg_text(res, 0, 1), (unsigned long long)db->epoch);
    else
        error_set(err, ERROR_FENCED, "E_FENCED", "our row of %s is gone, or another instance has taken over", s->offsets);
    PQclear(res);
    return -1;
}

static int
missing_row(struct db *db, const struct sent *what, uint32_t i, struct error *err)
{
    struct pg_session *s = session_of(db);
    const struct db_row *row;
    struct buffer key = {0};
    char name[600];

    if (!target_order(s, what->group))
        return error_set(err, ERROR_FATAL, "", "out of memory for an answer");
    row = &what->group->rows[s->order[what->from + i]];
    db_row_name(what->group, row, name, sizeof(name));
    target_key_text(db, what->group, row, &key);
    error_set(err, ERROR_DATA, "E_CONFLICT", "%s: the target has no row %s%s to %s", name, key.len > 0 ? "with " : "like it",
              buffer_cstr(&key), what->group->op == DB_OP_DELETE ? "delete" : "update");
    buffer_free(&key);
    return -1;
}

/* The places of the rows that were found, as bigints from 1. */
static int
check_found(struct db *db, const struct sent *what, const PGresult *res, struct error *err)
{
    int n = PQntuples(res);
    bool *found = calloc(what->count, sizeof(*found));
    uint32_t i;

    if (found == NULL)
        return error_set(err, ERROR_FATAL, "", "out of memory for an answer");
    for (int row = 0; row < n; row++) {
        struct cursor in = cursor_of(bytes_of(PQgetvalue(res, row, 0), (size_t)PQgetlength(res, row, 0)));
        uint64_t place = cursor_be64(&in);

        if (place >= 1 && place <= what->count)
            found[place - 1] = true;
    }
    for (i = 0; i < what->count && found[i]; i++)
        ;
    free(found);
    if (i < what->count)
        return missing_row(db, what, i, err);
    return 0;
}

static int
check_rows(struct db *db, const struct sent *what, PGresult *res, struct error *err)
{
    struct buffer rows = {0};
    uint32_t n;

    if (!what->group->strict || what->group->op == DB_OP_TRUNCATE)
        return 0;
    n = what->statement != NULL && what->statement->returning ? (uint32_t)PQntuples(res)
                                                              : (uint32_t)strtoul(PQcmdTuples(res), NULL, 10);
    if (n == what->count)
        return 0;
    if (what->statement != NULL && what->statement->returning && n < what->count)
        return check_found(db, what, res, err);
    if (what->count == 1 && n == 0 && what->group->op != DB_OP_INSERT && what->group->op != DB_OP_HISTORY)
        return missing_row(db, what, 0, err);
    put_rows(db, &rows, what);
    error_set(err, ERROR_DATA, "E_CONFLICT", "%s: %u rows of the target changed and not %u: a trigger or a rule of its own?",
              buffer_cstr(&rows), n, what->count);
    buffer_free(&rows);
    return -1;
}

enum { FENCE_LOST = 1 };

static int
take_result(struct db *db, const struct sent *what, PGresult *res, struct error *err)
{
    switch (PQresultStatus(res)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
        break;
    case PGRES_PIPELINE_ABORTED:
        return error_set(err, ERROR_RETRY, "", "skipped after an error");
    default:
        return target_error(db, res, what, err);
    }
    switch (what->kind) {
    case SENT_FENCE:
    case SENT_POSITION:
        return strcmp(PQcmdTuples(res), "1") == 0 ? 0 : FENCE_LOST;
    case SENT_ROWS:
        return check_rows(db, what, res, err);
    case SENT_COMMIT:
        if (strcmp(PQcmdStatus(res), "COMMIT") != 0)
            return error_set(err, ERROR_RETRY, "", "the server answered COMMIT with %s", PQcmdStatus(res));
        return 0;
    default:
        return 0;
    }
}

/* The answer to what was sent first. */
static int
take_answer(struct db *db, struct error *err)
{
    struct pg_session *s = session_of(db);
    struct sent what = s->sent[s->head];
    int rc = 0;

    s->head = (s->head + 1) % s->cap;
    s->n--;
    s->in_flight -= what.bytes;
    for (;;) {
        PGresult *res;
        bool sync;

        if (move(s, true, rc == -1 ? NULL : err) == -1)
            return -1;
        res = PQgetResult(s->conn);
        if (res == NULL) {
            if (what.kind == SENT_SYNC && PQstatus(s->conn) == CONNECTION_OK)
                continue;
            break;
        }
        sync = PQresultStatus(res) == PGRES_PIPELINE_SYNC;
        if (rc == 0 && !sync)
            rc = take_result(db, &what, res, err);
        PQclear(res);
        if (sync || s->broken)
            break;
    }
    if (PQstatus(s->conn) == CONNECTION_BAD && rc != -1)
        return lost(s, err);
    if (rc == -1 && what.kind == SENT_ROWS && what.count > 1)
        culprit_name(db, what.group, err);
    return rc == FENCE_LOST ? fenced(db, err) : rc;
}

/* After an error: the rest of the queue is skipped by the server. */
static void
discard_answers(struct db *db)
{
    struct pg_session *s = session_of(db);
    struct error ignored;

    while (s->n > 0 && !s->broken) {
        s->sent[s->head].group = NULL;
        if (s->sent[s->head].kind != SENT_SYNC)
            s->sent[s->head].kind = SENT_BEGIN;
        take_answer(db, &ignored);
    }
    s->n = 0;
    s->in_flight = 0;
}

int
pipeline_drain(struct db *db, size_t bytes, struct error *err)
{
    struct pg_session *s = session_of(db);

    if (s->broken)
        return lost(s, err);
    if (s->n == 0)
        return 0;
    if (s->sent[(s->head + s->n - 1) % s->cap].kind != SENT_SYNC && PQsendFlushRequest(s->conn) == 0)
        return lost(s, err);
    while (s->n > 0 && (bytes == 0 || s->in_flight > bytes)) {
        if (take_answer(db, err) == -1)
            return -1;
    }
    return 0;
}

/* ---- in, and out again ---- */

int
pipeline_enter(struct pg_session *s, struct error *err)
{
    if (s->broken || PQenterPipelineMode(s->conn) == 0 || PQsetnonblocking(s->conn, 1) == -1)
        return lost(s, err);
    return 0;
}

static int
send_sync(struct pg_session *s, struct error *err)
{
    struct sent what = {.kind = SENT_SYNC};

    if (PQpipelineSync(s->conn) == 0)
        return lost(s, err);
    return queue_add(s, &what, err);
}

int
pipeline_leave(struct db *db, struct error *err)
{
    struct pg_session *s = session_of(db);
    int rc;

    if (s->broken)
        return lost(s, err);
    if (PQpipelineStatus(s->conn) == PQ_PIPELINE_OFF)
        return 0;
    rc = send_sync(s, err);
    if (rc == 0)
        rc = pipeline_drain(db, 0, err);
    if (rc == -1)
        discard_answers(db);
    if (s->broken || PQexitPipelineMode(s->conn) == 0 || PQsetnonblocking(s->conn, 0) == -1) {
        s->broken = true;
        return rc == -1 ? -1 : lost(s, err);
    }
    return rc;
}

/* ---- sending ---- */

int
pipeline_prepare_named(struct db *db, const char *name, const char *sql, struct error *err)
{
    struct pg_session *s = session_of(db);
    struct sent what = {.kind = SENT_PREPARE};

    if (s->broken || PQsendPrepare(s->conn, name, sql, 0, NULL) == 0)
        return lost(s, err);
    return queue_add(s, &what, err);
}

int
pipeline_prepare(struct db *db, struct statement *st, struct error *err)
{
    struct pg_session *s = session_of(db);
    struct sent what = {.kind = SENT_PREPARE, .statement = st};
    char name[sizeof(st->name)] = "";

    if (!st->planned_anew)
        snprintf(name, sizeof(name), "rf%lu", ++s->names);
    if (s->broken || PQsendPrepare(s->conn, name, st->sql, 0, NULL) == 0)
        return lost(s, err);
    memcpy(st->name, name, sizeof(name));
    return queue_add(s, &what, err);
}

int
pipeline_send(struct db *db, const struct sent *what, const char *name, int n, const char *const *values,
              const int *lengths, int format, struct error *err)
{
    struct pg_session *s = session_of(db);
    int formats[n + 1];

    for (int i = 0; i < n; i++)
        formats[i] = format;
    if (s->broken || PQsendQueryPrepared(s->conn, name, n, values, lengths, formats, 1) == 0)
        return lost(s, err);
    if (queue_add(s, what, err) == -1)
        return -1;
    return push(s, err);
}

static int
send_plain(struct pg_session *s, enum sent_kind kind, const char *sql, struct error *err)
{
    struct sent what = {.kind = kind};

    if (s->broken || PQsendQueryParams(s->conn, sql, 0, NULL, NULL, NULL, NULL, 0) == 0)
        return lost(s, err);
    return queue_add(s, &what, err);
}

int
pipeline_begin(struct db *db, struct error *err)
{
    return send_plain(session_of(db), SENT_BEGIN, "BEGIN", err);
}

int
pipeline_commit(struct db *db, struct error *err)
{
    struct pg_session *s = session_of(db);
    int rc = send_plain(s, SENT_COMMIT, "COMMIT", err);

    s->committing = true;
    if (rc == 0)
        rc = send_sync(s, err);
    if (rc == 0)
        rc = move(s, false, err);
    if (rc == 0 && failpoint("db.commit.sent") == -1)
        rc = error_set(err, ERROR_REWIND, "", "failpoint");
    if (rc == 0)
        rc = pipeline_drain(db, 0, err);
    if (rc == 0)
        s->committing = false;
    return rc;
}
