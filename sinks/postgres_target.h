/*
 * postgres_target.h -- what the files of the PostgreSQL engine share.
 *
 *     postgres_engine.c     the session, the row of rowferry_offsets, begin and commit
 *     postgres_pipeline.c   statements on their way, and what their answers mean
 *     postgres_apply.c      a group to statements
 *     postgres_statement.c  their text
 *     postgres_write.c      a value to the bytes that the target's type wants
 *     postgres_conflict.c   whose row a unique index refused
 *     postgres_culprit.c    which row has a value that the server can't read
 *     postgres_tables.c     what the target's catalogue says of a table
 *     postgres_ddl.c        CREATE TABLE and ALTER TABLE as text
 *     postgres_check.c      `check`
 *
 * Threads: the sink's.
 */
#ifndef SINKS_POSTGRES_TARGET_H
#define SINKS_POSTGRES_TARGET_H

#include "../cdc/client/postgres_conn.h"
#include "database.h"

/* ---- columns ---- */

/* The binary form that a value is sent in; FORM_CAST: as text, which the server is told to cast. */
enum target_form {
    FORM_CAST,
    FORM_BOOL,
    FORM_INT2,
    FORM_INT4,
    FORM_INT8,
    FORM_FLOAT4,
    FORM_FLOAT8,
    FORM_NUMERIC,
    FORM_TEXT,
    FORM_BYTEA,
    FORM_UUID,
    FORM_JSON,
    FORM_JSONB,
    FORM_DATE,
    FORM_TIME,
    FORM_TIMESTAMP,
    FORM_TIMESTAMPTZ,
};

/* A column of the target, as db_column.own. */
struct target_column {
    uint32_t oid;         /* of its type, or of what its domain is made of */
    int32_t typmod;       /* -1: none */
    char category;        /* pg_type.typcategory: N number, A array, ... */
    const char *type;     /* name without modifier: a cast to it cuts nothing off */
    const char *declared; /* with its modifier, for people */
    enum target_form form;
    const char *sent;     /* the type that is sent */
    bool cast;            /* it is not `type` */
    bool copies;          /* COPY takes the same bytes */
    bool comparable;      /* has an equality of its own */
    bool generated;       /* nothing may be written */
    bool identity;        /* GENERATED ALWAYS AS IDENTITY */
};

/* Choose form, sent, cast, copies and comparable from the rest and from what the source has. */
void target_column_settle(struct target_column *, const struct column *source, bool enum_type);

/*
 * Append the value (VALUE_SET), in the column's form. -1 with ERROR_DATA E_VALUE, which says column and kind of value
 * without its content: the caller adds table and event.
 */
int target_write(struct buffer *out, const struct target_column *, const struct column *source, const struct value *,
                 struct error *err);
/* The value as text that PostgreSQL's input functions read. */
int target_write_text(struct buffer *out, char category, const struct column *source, const struct value *,
                      struct error *err);

/* ---- tables ---- */

/* Where a parameter's values come from. */
enum part { PART_KEY, PART_NEW, PART_OLD, PART_OP, PART_ID, PART_TIME };

struct param {
    enum part part;
    uint16_t column;                /* PART_KEY: place in the key; NEW, OLD: column of the relation */
    const struct target_column *to; /* NULL: OP, ID, TIME */
};

/* A statement of one table, kept for the session. */
struct statement {
    struct statement *next;
    enum db_op op;
    bool strict, rekeys;
    bool each;      /* one row with each execution, as scalars; else many, as arrays */
    bool planned_anew; /* each time: it has no name */
    bool returning; /* answers with the place of each row that was found */
    bool *set;
    struct param *params;
    uint16_t nparams;
    char *sql;
    char name[24];  /* "" while it is not prepared, or not kept */
};

struct target_table { /* db_table.own */
    char *name;           /* "schema"."table" */
    bool partitioned;     /* a ctid names no row */
    bool referenced;      /* by a foreign key: TRUNCATE is refused */
    bool overriding;      /* has an identity column that must be overridden */
    struct statement *statements;
    int nstatements;
};

/* Find or make the statement of a group. NULL: no memory, or what is missing for it. */
struct statement *statement_for(struct db *, const struct db_group *, bool each, struct error *err);
void statements_free(struct target_table *);
const char *param_name(const struct db_table *, const struct param *);
/* COPY "s"."t" (columns) FROM STDIN of an INSERT's columns. */
void statement_copy_sql(struct buffer *out, const struct statement *, const struct db_table *);

/* ---- the session ---- */

/* One message on its way. */
enum sent_kind { SENT_BEGIN, SENT_FENCE, SENT_PREPARE, SENT_ROWS, SENT_POSITION, SENT_COMMIT, SENT_SYNC };
struct sent {
    enum sent_kind kind;
    const struct db_group *group;
    struct statement *statement;
    uint32_t from, count; /* places in the order in which the group's rows are sent */
    size_t bytes;
};

struct pg_session { /* db.own */
    PGconn *conn;
    int version;
    char *offsets;           /* "schema".rowferry_offsets */
    char *schema;            /* of the offsets, unquoted */
    bool half_pages;         /* full_page_writes is off */
    bool prepared;           /* the two statements about the offsets */
    unsigned long names;     /* of prepared statements */
    struct sent *sent;       /* a queue: [head, head + n) of cap, wrapping */
    size_t head, n, cap;
    size_t in_flight;        /* bytes of parameters that nothing has answered */
    bool committing;         /* COMMIT is on its way: a lost connection leaves the outcome open */
    bool broken;             /* nothing more may be asked */
    struct buffer *params;   /* one for each parameter of a statement, kept */
    uint16_t nparams;
    struct value *room, *key; /* for one row: 2 * and 1 * room_columns */
    uint16_t room_columns;
    uint32_t *order;         /* in which the rows of a group are sent */
    uint32_t order_cap;
};

static inline struct pg_session *
session_of(const struct db *db)
{
    return db->own;
}

/* postgres_pipeline.c */
int pipeline_enter(struct pg_session *, struct error *err);
/* All answers in, and the connection ready for PQexec; -1 with the first error. */
int pipeline_leave(struct db *, struct error *err);
int pipeline_prepare(struct db *, struct statement *, struct error *err);
int pipeline_prepare_named(struct db *, const char *name, const char *sql, struct error *err);
/* Parameters as for PQsendQueryPrepared; `what` is copied. */
int pipeline_send(struct db *, const struct sent *what, const char *name, int n, const char *const *values,
                  const int *lengths, int format, struct error *err);
int pipeline_begin(struct db *, struct error *err);
int pipeline_commit(struct db *, struct error *err);
/* Wait until no more than `bytes` are unanswered; 0: until everything is. */
int pipeline_drain(struct db *, size_t bytes, struct error *err);
/* The server's words and SQLSTATE; with `value` without what it quotes. */
void target_message(const PGresult *, bool value, struct buffer *out);
/* The server's error, as one of database.h; `what` may be NULL. */
int target_error(struct db *, const PGresult *, const struct sent *what, struct error *err);

/* postgres_apply.c */
int target_apply(struct db *, const struct db_group *, struct error *err);
/* "id=5, line=2" of a row, for errors: its key; of a table without: nothing. */
void target_key_text(struct db *, const struct db_group *, const struct db_row *, struct buffer *out);
/* Fill order; false: no memory. */
bool target_order(struct pg_session *, const struct db_group *);
bool session_room(struct pg_session *, uint16_t columns, uint16_t params);

/* One row's values, by its place in the order as it was made last, into session->params, each with its length before it; and one of them as a
 * parameter: NULL for NULL. */
int target_fill(struct db *, const struct statement *, const struct db_group *, uint32_t place, struct error *err);
const char *target_scalar(const struct buffer *param, int *length);

/* postgres_culprit.c: after E_VALUE of many rows, end the transaction and ask which of them it is; *err then names it. */
void culprit_name(struct db *, const struct db_group *, struct error *err);

/* postgres_conflict.c */
/* Which row of the group the server's "Key (a, b)=(1, 2)" means; NULL: can't be told. */
const struct db_row *conflict_row(struct db *, const struct db_group *, const char *detail);

/* postgres_tables.c */
int target_describe(struct db *, struct db_table *, struct error *err);
void target_forget(struct db_table *);
/* postgres_ddl.c */
int target_create_sql(struct db *, const struct db_table *, struct buffer *out, struct error *err);
int target_add_column_sql(struct db *, const struct db_table *, uint16_t column, struct buffer *out, struct error *err);
/* postgres_check.c */
void target_check(struct db *, struct report *);

#endif
